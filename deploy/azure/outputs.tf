# Where the machines are reached.

output "overwatch_public_ip" {
  description = "The overwatch, for SSH."
  value       = azurerm_public_ip.machine["overwatch"].ip_address
}

output "traffic_eastus_public_ip" {
  description = "The traffic generator in East US, for SSH."
  value       = azurerm_public_ip.machine["traffic-eastus"].ip_address
}

output "traffic_singapore_public_ip" {
  description = "The traffic generator in Southeast Asia, for SSH."
  value       = azurerm_public_ip.machine["traffic-singapore"].ip_address
}

output "backend_eu_west_public_ip" {
  description = "The Linux backend in West Europe, for SSH."
  value       = azurerm_public_ip.machine["backend-eu-west"].ip_address
}

output "backend_eu_west_windows_public_ip" {
  description = "The Windows backend in West Europe, for remote desktop."
  value       = azurerm_public_ip.machine["backend-eu-west-2"].ip_address
}

output "backend_ap_southeast_public_ip" {
  description = "The Linux backend in Southeast Asia, for SSH."
  value       = azurerm_public_ip.machine["backend-ap-southeast"].ip_address
}
