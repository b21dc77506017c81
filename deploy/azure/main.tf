# The demo's machines as data: everything else is made from these tables.

locals {
  # Networks, one for each region.
  regions = {
    eastus        = { location = "eastus", network = "10.1.0.0/16" }
    westeurope    = { location = "westeurope", network = "10.2.0.0/16" }
    southeastasia = { location = "southeastasia", network = "10.3.0.0/16" }
  }

  subnets = {
    overwatch             = { region = "eastus", network = "10.1.1.0/24" }
    traffic-eastus        = { region = "eastus", network = "10.1.2.0/24" }
    backend-westeurope    = { region = "westeurope", network = "10.2.1.0/24" }
    backend-southeastasia = { region = "southeastasia", network = "10.3.1.0/24" }
    traffic-southeastasia = { region = "southeastasia", network = "10.3.2.0/24" }
  }

  # Six machines. `site` is the region as OpenGSLB calls it.
  machines = {
    overwatch            = { subnet = "overwatch", address = "10.1.1.10", role = "overwatch", site = "us-east" }
    traffic-eastus       = { subnet = "traffic-eastus", address = "10.1.2.10", role = "traffic", site = "us-east" }
    backend-eu-west      = { subnet = "backend-westeurope", address = "10.2.1.10", role = "agent", site = "eu-west" }
    backend-eu-west-2    = { subnet = "backend-westeurope", address = "10.2.1.11", role = "windows", site = "eu-west" }
    backend-ap-southeast = { subnet = "backend-southeastasia", address = "10.3.1.10", role = "agent", site = "ap-southeast" }
    traffic-singapore    = { subnet = "traffic-southeastasia", address = "10.3.2.10", role = "traffic", site = "ap-southeast" }
  }

  linux     = { for name, machine in local.machines : name => machine if machine.role != "windows" }
  windows   = { for name, machine in local.machines : name => machine if machine.role == "windows" }
  overwatch = local.machines["overwatch"].address
}

resource "azurerm_resource_group" "demo" {
  name     = var.resource_group_name
  location = local.regions["eastus"].location
}

# What the members of the mesh prove to one another. They are in Terraform's state: keep that to yourself.
resource "random_bytes" "mesh_key" {
  length = 32
}

resource "random_password" "service_token" {
  for_each = toset(["eu-west", "ap-southeast"])
  length   = 32
  special  = false
}
