# Five Linux machines and a Windows one, each with its configuration.

locals {
  # What a machine of each role is told by its configuration; a traffic generator runs no daemon.
  configs = {
    for name, machine in local.machines : name => machine.role == "traffic" ? "" : templatefile(
      "${path.module}/config/${machine.role == "overwatch" ? "overwatch" : "agent"}.yaml",
      {
        name         = name
        address      = machine.address
        region       = machine.site
        state        = machine.role == "windows" ? "C:/opengslb" : "/var/lib/opengslb"
        overwatch    = local.overwatch
        mesh_key     = random_bytes.mesh_key.base64
        token        = try(random_password.service_token[machine.site].result, "")
        eu_west      = random_password.service_token["eu-west"].result
        ap_southeast = random_password.service_token["ap-southeast"].result
      }
    )
  }

  windows_install = {
    for name, machine in local.windows : name => templatefile("${path.module}/cloud-init/windows.ps1", {
      config_b64     = base64encode(local.configs[name])
      release_url    = var.windows_release_url
      release_sha256 = var.windows_release_sha256
    })
  }
}

resource "azurerm_linux_virtual_machine" "machine" {
  for_each              = local.linux
  name                  = each.key
  computer_name         = each.key
  location              = local.regions[local.subnets[each.value.subnet].region].location
  resource_group_name   = azurerm_resource_group.demo.name
  size                  = var.vm_size
  admin_username        = var.admin_username
  network_interface_ids = [azurerm_network_interface.machine[each.key].id]

  custom_data = base64encode(templatefile("${path.module}/cloud-init/${each.value.role}.yaml", {
    install_b64    = filebase64("${path.module}/cloud-init/install.sh")
    config_b64     = base64encode(local.configs[each.key])
    topology_b64   = filebase64("${path.module}/config/topology.yaml")
    release_url    = var.release_url
    release_sha256 = var.release_sha256
  }))

  admin_ssh_key {
    username   = var.admin_username
    public_key = file(pathexpand(var.ssh_public_key_path))
  }

  os_disk {
    caching              = "ReadWrite"
    storage_account_type = "Standard_LRS"
  }

  source_image_reference {
    publisher = "Canonical"
    offer     = "0001-com-ubuntu-server-jammy"
    sku       = "22_04-lts-gen2"
    version   = "latest"
  }
}

resource "azurerm_windows_virtual_machine" "machine" {
  for_each              = local.windows
  name                  = each.key
  computer_name         = "backend-eu-w2"
  location              = local.regions[local.subnets[each.value.subnet].region].location
  resource_group_name   = azurerm_resource_group.demo.name
  size                  = var.vm_size
  admin_username        = var.admin_username
  admin_password        = var.windows_admin_password
  network_interface_ids = [azurerm_network_interface.machine[each.key].id]

  os_disk {
    caching              = "ReadWrite"
    storage_account_type = "Standard_LRS"
  }

  source_image_reference {
    publisher = "MicrosoftWindowsServer"
    offer     = "WindowsServer"
    sku       = "2022-datacenter-g2"
    version   = "latest"
  }
}

resource "azurerm_virtual_machine_extension" "windows" {
  for_each             = local.windows
  name                 = "opengslb"
  virtual_machine_id   = azurerm_windows_virtual_machine.machine[each.key].id
  publisher            = "Microsoft.Compute"
  type                 = "CustomScriptExtension"
  type_handler_version = "1.10"

  # The script holds secrets.
  protected_settings = jsonencode({
    commandToExecute = "powershell -ExecutionPolicy Bypass -EncodedCommand ${textencodebase64(local.windows_install[each.key], "UTF-16LE")}"
  })
}
