# What this runs with. `terraform init` fetches the providers.
terraform {
  required_version = ">= 1.0"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.0, < 5.0"
    }
    random = {
      source  = "hashicorp/random"
      version = ">= 3.6, < 4.0"
    }
  }
}

provider "azurerm" {
  features {}
  # Without it, ARM_SUBSCRIPTION_ID names the subscription.
  subscription_id = var.subscription_id
}
