//! Which of the machine's addresses a viewer is offered, and in which order.
//!
//! The address that the page came in on works for sure and goes first. Firefox never connects to a
//! loopback candidate, so a page on 127.0.0.1 gets an interface's address. Bridges of containers and
//! virtual machines come last, and only a few: each costs the browser checks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::PagePath;

/// More candidates than this only cost time.
const MOST: usize = 6;
/// Interfaces that lead to guests of this machine, not to viewers.
const BRIDGES: [&str; 8] = ["docker", "br-", "veth", "virbr", "lxc", "lxd", "cni", "podman"];

/// One address of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    pub interface: String,
    pub address: IpAddr,
}

/// Every address that is up now.
pub fn all() -> Vec<Local> {
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "Could not list this machine's addresses");
        Vec::new()
    });
    let mut all: Vec<Local> = found
        .into_iter()
        .map(|one| Local {
            address: one.ip().to_canonical(),
            interface: one.name,
        })
        .collect();
    all.dedup();
    all
}

/// The networks of IPv4 that this machine is in by a card of its own: the card, its address, the mask.
pub fn networks() -> Vec<(String, Ipv4Addr, Ipv4Addr)> {
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    found
        .into_iter()
        .filter(|one| !BRIDGES.iter().any(|prefix| one.name.starts_with(prefix)))
        .filter_map(|one| match one.addr {
            if_addrs::IfAddr::V4(v4) if !v4.ip.is_loopback() && !v4.ip.is_link_local() => {
                Some((one.name, v4.ip, v4.netmask))
            }
            if_addrs::IfAddr::V4(_) | if_addrs::IfAddr::V6(_) => None,
        })
        .collect()
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// The addresses to offer, best first. Loopback only where there is nothing else.
pub fn offered(all: &[Local], path: &PagePath) -> Vec<IpAddr> {
    let arrived: Option<IpAddr> = path
        .local
        .as_deref()
        .and_then(|text| text.parse::<SocketAddr>().ok())
        .map(|at| at.ip().to_canonical());
    let rank = |local: &Local| {
        let bridge = BRIDGES.iter().any(|prefix| local.interface.starts_with(prefix));
        (Some(local.address) != arrived, bridge, local.address.is_ipv6())
    };
    let mut usable: Vec<&Local> = all
        .iter()
        .filter(|local| !local.address.is_loopback() && !is_link_local(local.address))
        .collect();
    usable.sort_by_key(|local| rank(local));
    let mut offered: Vec<IpAddr> = Vec::new();
    for local in usable {
        if offered.len() < MOST && !offered.contains(&local.address) {
            offered.push(local.address);
        }
    }
    if offered.is_empty() {
        offered.extend(all.iter().map(|local| local.address).filter(IpAddr::is_loopback));
    }
    offered
}

/// The page's own address where this machine does not have it: the outer side of a NAT that forwards the
/// port. A name is left out: the browser resolves it for the page, not for ICE.
pub fn outer(all: &[Local], path: &PagePath) -> Option<SocketAddr> {
    let page = path.page.as_deref()?;
    let at: SocketAddr = page.parse().ok().or_else(|| {
        let ip: IpAddr = page.trim_matches(['[', ']']).parse().ok()?;
        Some(SocketAddr::new(ip, 443))
    })?;
    let address = at.ip().to_canonical();
    let ours = all.iter().any(|local| local.address == address);
    let usable = !address.is_loopback()
        && !address.is_unspecified()
        && !address.is_multicast()
        && !is_link_local(address);
    (usable && !ours).then(|| SocketAddr::new(address, at.port()))
}

/// Candidate lines for an address outside this machine that leads to our port.
pub(super) fn outer_candidates(at: SocketAddr) -> [String; 2] {
    let (udp, tcp) = (
        (100 << 24) | (65_535 << 8) | 255,
        (80 << 24) | (65_535 << 8) | 255,
    );
    [
        reflexive("udp", 9001, udp, at),
        reflexive("tcp", 9002, tcp, at) + " tcptype passive",
    ]
}

/// The candidate line for an address at which a STUN server sees us (RFC 8445 §5.1.1.2).
pub(super) fn seen_candidate(at: SocketAddr) -> String {
    reflexive("udp", 9003, (100 << 24) | (65_534 << 8) | 255, at)
}

fn reflexive(proto: &str, foundation: u32, priority: u32, at: SocketAddr) -> String {
    // Our own address would only tell strangers of our network (RFC 8828 §5.2).
    let base = if at.is_ipv4() { "0.0.0.0" } else { "::" };
    format!(
        "candidate:{foundation} 1 {proto} {priority} {} {} typ srflx raddr {base} rport 9",
        at.ip(),
        at.port()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(interface: &str, address: &str) -> Local {
        Local {
            interface: interface.to_owned(),
            address: address.parse().unwrap(),
        }
    }
    fn machine() -> Vec<Local> {
        let mut all = vec![local("lo", "127.0.0.1"), local("lo", "::1")];
        all.extend((0..12).map(|n| local(&format!("veth{n}"), &format!("172.16.{n}.1"))));
        all.extend([
            local("eth0", "fe80::1"),
            local("eth0", "2001:db8::5"),
            local("eth0", "192.0.2.7"),
            local("wlan0", "192.0.2.7"),
        ]);
        all
    }
    fn path(page: &str, local: &str) -> PagePath {
        PagePath {
            page: Some(page.to_owned()),
            local: Some(local.to_owned()),
            ..PagePath::default()
        }
    }

    #[test]
    fn the_pages_own_path_comes_first_and_none_twice() {
        let offered = offered(&machine(), &path("[2001:db8::5]:8443", "[2001:db8::5]:8443"));
        assert_eq!(
            offered[..2],
            [
                "2001:db8::5".parse::<IpAddr>().unwrap(),
                "192.0.2.7".parse().unwrap()
            ]
        );
        assert_eq!(
            offered
                .iter()
                .filter(|a| **a == "192.0.2.7".parse::<IpAddr>().unwrap())
                .count(),
            1
        );
        assert!(offered.len() <= MOST);
    }

    #[test]
    fn a_mapped_address_is_an_ipv4_address() {
        assert_eq!(
            offered(&machine(), &path("x", "[::ffff:172.16.3.1]:8443"))[0],
            "172.16.3.1".parse::<IpAddr>().unwrap()
        );
    }

    #[test]
    fn a_page_on_loopback_gets_an_interface() {
        assert_eq!(
            offered(&machine(), &path("127.0.0.1:8443", "127.0.0.1:8443"))[0],
            "192.0.2.7".parse::<IpAddr>().unwrap()
        );
        let alone = [local("lo", "127.0.0.1")];
        assert_eq!(
            offered(&alone, &path("127.0.0.1:8443", "127.0.0.1:8443")),
            ["127.0.0.1".parse::<IpAddr>().unwrap()]
        );
    }

    #[test]
    fn only_an_address_that_is_not_ours_is_an_outer_one() {
        let at = |page: &str| outer(&machine(), &path(page, "192.0.2.7:8443"));
        assert_eq!(
            at("198.51.100.9:3001"),
            Some("198.51.100.9:3001".parse().unwrap())
        );
        assert_eq!(at("198.51.100.9"), Some("198.51.100.9:443".parse().unwrap()));
        for page in [
            "192.0.2.7:8443",
            "127.0.0.1:8443",
            "box:8443",
            "[fe80::9]:8443",
            "0.0.0.0:1",
            "",
        ] {
            assert_eq!(at(page), None, "{page}");
        }
    }
}
