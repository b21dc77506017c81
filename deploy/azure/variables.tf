# What has to be said, and what may be.

variable "ssh_public_key_path" {
  description = "The public key that azureuser is let in with."
  type        = string
}

variable "admin_networks" {
  description = "From where SSH and remote desktop are let in: your own address, as in 203.0.113.7/32."
  type        = list(string)
}

variable "windows_admin_password" {
  description = "The password of azureuser on the Windows machine; 12 characters or more."
  type        = string
  sensitive   = true
}

variable "release_url" {
  description = "Where the release archive for Linux is fetched (opengslb-VERSION-x86_64-linux.tar.gz)."
  type        = string
}

variable "release_sha256" {
  description = "Its SHA-256, from SHA256SUMS."
  type        = string
}

variable "windows_release_url" {
  description = "Where the release archive for Windows is fetched: a ZIP with opengslb.exe. None: no agent is installed there."
  type        = string
  default     = ""
}

variable "windows_release_sha256" {
  description = "Its SHA-256."
  type        = string
  default     = ""
}

variable "subscription_id" {
  description = "The Azure subscription; without it ARM_SUBSCRIPTION_ID."
  type        = string
  default     = null
}

variable "resource_group_name" {
  description = "All of the demo is in this group."
  type        = string
  default     = "rg-opengslb-latency-test"
}

variable "vm_size" {
  description = "Of each machine."
  type        = string
  default     = "Standard_B2s"
}

variable "admin_username" {
  description = "Who logs in."
  type        = string
  default     = "azureuser"
}
