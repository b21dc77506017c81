# A network in each region, every two of them peered.

resource "azurerm_virtual_network" "region" {
  for_each            = local.regions
  name                = "vnet-${each.key}"
  location            = each.value.location
  resource_group_name = azurerm_resource_group.demo.name
  address_space       = [each.value.network]
}

resource "azurerm_subnet" "subnet" {
  for_each             = local.subnets
  name                 = "snet-${each.key}"
  resource_group_name  = azurerm_resource_group.demo.name
  virtual_network_name = azurerm_virtual_network.region[each.value.region].name
  address_prefixes     = [each.value.network]
}

locals {
  # Both ways of each pair: a peering is one-sided.
  peerings = {
    for pair in setproduct(keys(local.regions), keys(local.regions)) :
    "${pair[0]}-to-${pair[1]}" => { from = pair[0], to = pair[1] } if pair[0] != pair[1]
  }
}

resource "azurerm_virtual_network_peering" "peering" {
  for_each                     = local.peerings
  name                         = "peer-${each.key}"
  resource_group_name          = azurerm_resource_group.demo.name
  virtual_network_name         = azurerm_virtual_network.region[each.value.from].name
  remote_virtual_network_id    = azurerm_virtual_network.region[each.value.to].id
  allow_virtual_network_access = true
}

# Each machine reaches the Internet by its own address, to install what it runs; what comes in is in security.tf.
resource "azurerm_public_ip" "machine" {
  for_each            = local.machines
  name                = "pip-${each.key}"
  location            = local.regions[local.subnets[each.value.subnet].region].location
  resource_group_name = azurerm_resource_group.demo.name

  allocation_method = "Static"
  sku               = "Standard"
}

resource "azurerm_network_interface" "machine" {
  for_each            = local.machines
  name                = "nic-${each.key}"
  location            = local.regions[local.subnets[each.value.subnet].region].location
  resource_group_name = azurerm_resource_group.demo.name

  ip_configuration {
    name                          = "primary"
    subnet_id                     = azurerm_subnet.subnet[each.value.subnet].id
    private_ip_address_allocation = "Static"
    private_ip_address            = each.value.address
    public_ip_address_id          = azurerm_public_ip.machine[each.key].id
  }
}
