# What may come in, by role. Everything else is refused, also between the networks: Azure's own rule would let
# peered networks pass.

locals {
  clients = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]
  sites   = ["10.2.1.0/24", "10.3.1.0/24"]

  # Protocol, port, and from where.
  rules = {
    overwatch = [
      { name = "dns-udp", protocol = "Udp", port = "53", from = local.clients },
      { name = "dns-tcp", protocol = "Tcp", port = "53", from = local.clients },
      { name = "mesh", protocol = "Tcp", port = "7946", from = local.sites },
      { name = "api", protocol = "Tcp", port = "8080", from = local.clients },
      { name = "ssh", protocol = "Tcp", port = "22", from = var.admin_networks },
    ]
    agent = [
      { name = "http", protocol = "Tcp", port = "80", from = local.clients },
      { name = "ssh", protocol = "Tcp", port = "22", from = var.admin_networks },
    ]
    windows = [
      { name = "http", protocol = "Tcp", port = "80", from = local.clients },
      { name = "rdp", protocol = "Tcp", port = "3389", from = var.admin_networks },
    ]
    traffic = [
      { name = "ssh", protocol = "Tcp", port = "22", from = var.admin_networks },
    ]
  }
}

resource "azurerm_network_security_group" "machine" {
  for_each            = local.machines
  name                = "nsg-${each.key}"
  location            = local.regions[local.subnets[each.value.subnet].region].location
  resource_group_name = azurerm_resource_group.demo.name

  dynamic "security_rule" {
    for_each = { for index, rule in local.rules[each.value.role] : rule.name => merge(rule, { priority = 100 + index * 10 }) }
    content {
      name                       = "allow-${security_rule.key}"
      priority                   = security_rule.value.priority
      direction                  = "Inbound"
      access                     = "Allow"
      protocol                   = security_rule.value.protocol
      source_port_range          = "*"
      destination_port_range     = security_rule.value.port
      source_address_prefixes    = security_rule.value.from
      destination_address_prefix = each.value.address
    }
  }

  security_rule {
    name                       = "deny-the-rest"
    priority                   = 4000
    direction                  = "Inbound"
    access                     = "Deny"
    protocol                   = "*"
    source_port_range          = "*"
    destination_port_range     = "*"
    source_address_prefix      = "*"
    destination_address_prefix = "*"
  }
}

resource "azurerm_network_interface_security_group_association" "machine" {
  for_each                  = local.machines
  network_interface_id      = azurerm_network_interface.machine[each.key].id
  network_security_group_id = azurerm_network_security_group.machine[each.key].id
}
