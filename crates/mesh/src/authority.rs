//! What a proven agent may speak for.
//!
//! An agent's authority is what the entries of `agent_tokens` with its token grant, nothing else:
//! not its certificate, not its claims. It never says whether a backend belongs to another agent;
//! that is the registry's.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{Region, Service, Subnet};

use crate::refusal::RefusalReason;
use crate::secret::Token;

/// All grants of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    grants: Vec<Grant>,
}

/// One service, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The service.
    pub service: Service,
    /// The regions that may be claimed; empty: any.
    pub regions: Vec<Region>,
    /// The networks that claimed backends may stand in; empty: only the session's peer address.
    pub networks: Vec<Subnet>,
}

/// Why a claim is beyond an agent's authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ClaimRefusal {
    /// No grant for the service.
    #[error("the agent's token is not valid for this service")]
    Service,
    /// Grants for the service, none for the region.
    #[error("the agent's token is not valid for this region")]
    Region,
    /// Grants for service and region, none for the address.
    #[error("the agent's token is not valid for a backend at this address")]
    Address,
}

impl Authority {
    /// These grants and no others.
    #[must_use]
    pub const fn new(grants: Vec<Grant>) -> Self {
        Self { grants }
    }

    /// Its grants, in the order of the configuration.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// No more of it than these claims of an agent on a session from `peer_address` need, each a service
    /// and an address in `region`: one grant for each at most, of the region and one network alone. So it
    /// is small however much the token is good for.
    #[must_use]
    pub fn needed<'a>(
        &self,
        region: &Region,
        claims: impl IntoIterator<Item = (&'a Service, IpAddr)>,
        peer_address: IpAddr,
    ) -> Self {
        let mut needed: BTreeSet<(&Service, Option<Subnet>)> = BTreeSet::new();
        for (service, address) in claims {
            let address = address.to_canonical();
            let mut grants = self.grants.iter().filter(|grant| {
                grant.service == *service
                    && (grant.regions.is_empty() || grant.regions.contains(region))
                    && grant.allows_address(address, peer_address.to_canonical())
            });
            let network = |grant: &Grant| {
                grant.networks.iter().find(|network| network.contains(address)).copied()
            };
            needed.extend(grants.next().map(|grant| (service, network(grant))));
        }
        let grant = |(service, network): (&Service, Option<Subnet>)| Grant {
            service: service.clone(),
            regions: vec![region.clone()],
            networks: network.into_iter().collect(),
        };
        Self { grants: needed.into_iter().map(grant).collect() }
    }

    /// Whether the agent on a session from `peer_address` may claim a backend of `service` at
    /// `address` in `region`. One single grant must allow all of it.
    ///
    /// # Errors
    ///
    /// The first of service, region, address that no grant allows together with those before it.
    pub fn check_claim(
        &self,
        service: &Service,
        region: &Region,
        address: IpAddr,
        peer_address: IpAddr,
    ) -> Result<(), ClaimRefusal> {
        let mut refusal = ClaimRefusal::Service;
        for grant in self.grants.iter().filter(|grant| grant.service == *service) {
            if !grant.regions.is_empty() && !grant.regions.contains(region) {
                refusal = refusal.max(ClaimRefusal::Region);
            } else if grant.allows_address(address.to_canonical(), peer_address.to_canonical()) {
                return Ok(());
            } else {
                refusal = ClaimRefusal::Address;
            }
        }
        Err(refusal)
    }
}

impl Grant {
    fn allows_address(&self, address: IpAddr, peer_address: IpAddr) -> bool {
        if self.networks.is_empty() {
            address == peer_address
        } else {
            self.networks.iter().any(|network| network.contains(address))
        }
    }
}

impl From<&Token> for Grant {
    fn from(token: &Token) -> Self {
        Self {
            service: token.service.clone(),
            regions: token.regions.clone(),
            networks: token.networks.clone(),
        }
    }
}

impl ClaimRefusal {
    /// The reason as it goes over the wire.
    #[must_use]
    pub const fn reason(self) -> RefusalReason {
        match self {
            Self::Service => RefusalReason::ServiceNotGranted,
            Self::Region => RefusalReason::RegionNotGranted,
            Self::Address => RefusalReason::AddressNotGranted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(service: &str, regions: &[&str], networks: &[&str]) -> Grant {
        Grant {
            service: service.parse().unwrap(),
            regions: regions.iter().map(|region| region.parse().unwrap()).collect(),
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        }
    }

    /// One claim of `service region address`, always on a session from 10.2.1.10.
    fn check(grants: &[Grant], claim: &str, expect: Result<(), ClaimRefusal>) {
        let mut words = claim.split(' ');
        let mut next = || words.next().unwrap();
        let (service, region) = (next().parse().unwrap(), next().parse().unwrap());
        let address = next().parse().unwrap();
        let peer = "10.2.1.10".parse().unwrap();
        let authority = Authority::new(grants.to_vec());
        assert_eq!(authority.check_claim(&service, &region, address, peer), expect, "{claim}");
    }

    #[test]
    fn a_bare_token_grants_the_peer_address_in_any_region() {
        let bare = [grant("app", &[], &[])];
        check(&bare, "app eu-west 10.2.1.10", Ok(()));
        check(&bare, "app ap-southeast 10.2.1.10", Ok(()));
        check(&bare, "app eu-west ::ffff:10.2.1.10", Ok(()));
        check(&bare, "app eu-west 10.2.1.11", Err(ClaimRefusal::Address));
        check(&bare, "web eu-west 10.2.1.10", Err(ClaimRefusal::Service));
        check(&[], "app eu-west 10.2.1.10", Err(ClaimRefusal::Service));
    }

    #[test]
    fn regions_and_networks_bind() {
        let bound = [grant("app", &["eu-west"], &["10.2.1.0/24", "2001:db8:2::/48"])];
        check(&bound, "app eu-west 10.2.1.11", Ok(()));
        check(&bound, "app eu-west 2001:db8:2::1", Ok(()));
        check(&bound, "app eu-west 10.2.2.10", Err(ClaimRefusal::Address));
        check(&bound, "app ap-southeast 10.2.1.11", Err(ClaimRefusal::Region));
        check(&bound, "app ap-southeast 10.9.9.9", Err(ClaimRefusal::Region));
        // The peer's own address is no exception where networks are named.
        check(
            &[grant("app", &[], &["10.9.0.0/16"])],
            "app eu 10.2.1.10",
            Err(ClaimRefusal::Address),
        );
    }

    #[test]
    fn one_grant_must_allow_all_of_a_claim() {
        let two = [
            grant("app", &["eu-west"], &["10.2.0.0/16"]),
            grant("app", &["ap-southeast"], &["10.3.0.0/16"]),
        ];
        check(&two, "app eu-west 10.2.1.10", Ok(()));
        check(&two, "app ap-southeast 10.3.1.10", Ok(()));
        check(&two, "app eu-west 10.3.1.10", Err(ClaimRefusal::Address));
        check(&two, "app us-east 10.3.1.10", Err(ClaimRefusal::Region));
    }

    #[test]
    fn what_claims_need_allows_them_and_little_else() {
        let all = Authority::new(vec![
            grant("web", &[], &[]),
            grant("app", &["us-east"], &["10.2.0.0/16"]),
            grant("app", &["eu-west", "us-east"], &["10.9.0.0/16", "10.2.0.0/16"]),
            grant("app", &[], &[]),
        ]);
        let [app, web, other]: [Service; 3] = ["app", "web", "other"].map(|s| s.parse().unwrap());
        let [peer, inside, outside]: [IpAddr; 3] =
            ["10.2.1.10", "10.2.7.7", "10.3.1.1"].map(|address| address.parse().unwrap());
        let claims = [(&app, peer), (&app, inside), (&app, outside), (&web, peer), (&other, peer)];
        let needed = all.needed(&"eu-west".parse().unwrap(), claims, peer);
        let expect =
            [grant("app", &["eu-west"], &["10.2.0.0/16"]), grant("web", &["eu-west"], &[])];
        assert_eq!(needed.grants(), expect);
        for (service, address) in claims {
            let of = |authority: &Authority| {
                authority.check_claim(service, &"eu-west".parse().unwrap(), address, peer).is_ok()
            };
            assert_eq!(of(&needed), of(&all), "{service} at {address}");
        }
    }
}
