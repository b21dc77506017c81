//! The facts of the sixth demo. Whoever changes them changes what the walk-through promises.

/// Azure's regions, and the network in each.
pub(crate) const REGIONS: [(&str, &str); 3] =
    [("eastus", "10.1.0.0/16"), ("westeurope", "10.2.0.0/16"), ("southeastasia", "10.3.0.0/16")];

/// Each pair of regions, both ways.
pub(crate) const PEERINGS: usize = 6;

/// Name, region, address, role.
pub(crate) const MACHINES: [(&str, &str, &str, &str); 6] = [
    ("overwatch", "eastus", "10.1.1.10", "overwatch"),
    ("traffic-eastus", "eastus", "10.1.2.10", "traffic"),
    ("backend-eu-west", "westeurope", "10.2.1.10", "agent"),
    ("backend-eu-west-2", "westeurope", "10.2.1.11", "windows"),
    ("backend-ap-southeast", "southeastasia", "10.3.1.10", "agent"),
    ("traffic-singapore", "southeastasia", "10.3.2.10", "traffic"),
];

/// Name, and the machine whose public address it is.
pub(crate) const OUTPUTS: [(&str, &str); 3] = [
    ("overwatch_public_ip", "overwatch"),
    ("traffic_eastus_public_ip", "traffic-eastus"),
    ("traffic_singapore_public_ip", "traffic-singapore"),
];

/// Name and default; none where it has to be said.
pub(crate) const VARIABLES: [(&str, Option<&str>); 8] = [
    ("ssh_public_key_path", None),
    ("admin_networks", None),
    ("windows_admin_password", None),
    ("release_url", None),
    ("release_sha256", None),
    ("resource_group_name", Some("rg-opengslb-latency-test")),
    ("vm_size", Some("Standard_B2s")),
    ("admin_username", Some("azureuser")),
];

/// Role, protocol, port, from where: everything that may come in.
pub(crate) const FROM_WHERE: [(&str, &str, &str, &str); 10] = [
    ("overwatch", "Udp", "53", "local.clients"),
    ("overwatch", "Tcp", "53", "local.clients"),
    ("overwatch", "Tcp", "7946", "local.sites"),
    ("overwatch", "Tcp", "8080", "local.clients"),
    ("overwatch", "Tcp", "22", "var.admin_networks"),
    ("agent", "Tcp", "80", "local.clients"),
    ("agent", "Tcp", "22", "var.admin_networks"),
    ("windows", "Tcp", "80", "local.clients"),
    ("windows", "Tcp", "3389", "var.admin_networks"),
    ("traffic", "Tcp", "22", "var.admin_networks"),
];
