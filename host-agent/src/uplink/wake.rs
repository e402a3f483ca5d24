//! Wake-on-LAN: by which cards this host could be woken, and waking a neighbour when the router asks for it.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::time::{Duration, Instant};

use signaling_spec::limits::MAX_LINKS;
use signaling_spec::{Link, mac_bytes};
use tokio::net::UdpSocket;

use crate::transport::addresses;

/// `discard`, where such packets usually go: nobody answers, and the sleeping card looks at every port.
const PORT: u16 = 9;
/// Each packet is sent so often: nothing tells of its arrival.
const COPIES: usize = 3;
/// Whatever a router asks for, no more often.
const REST: Duration = Duration::from_secs(1);

/// The cards of this machine that can be woken, with their networks.
pub(super) fn links() -> Vec<Link> {
    let mut links = Vec::new();
    for (card, address, mask) in addresses::networks() {
        let Some(mac) = mac_of(Path::new("/sys/class/net"), &card) else {
            continue;
        };
        let net = Ipv4Addr::from_bits(address.to_bits() & mask.to_bits());
        let link = Link {
            mac,
            net: format!("{net}/{}", mask.to_bits().count_ones()),
        };
        if links.len() < MAX_LINKS && !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

/// Of an Ethernet or Wi-Fi card; tunnels have none.
fn mac_of(cards: &Path, card: &str) -> Option<String> {
    const ETHERNET: &str = "1";
    let read = |name: &str| fs::read_to_string(cards.join(card).join(name)).ok();
    let mac = read("address")?.trim().to_ascii_lowercase();
    (read("type")?.trim() == ETHERNET && mac_bytes(&mac)? != [0; 6]).then_some(mac)
}

/// Sends the packets that wake, and not too often.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    last: Option<Instant>,
}

impl Alarm {
    pub(super) async fn ring(&mut self, macs: &[String], now: Instant) {
        if self.last.is_some_and(|last| now.duration_since(last) < REST) {
            tracing::debug!("Asked to wake a neighbour too soon after the last time");
            return;
        }
        self.last = Some(now);
        let packets: Vec<[u8; 102]> = macs
            .iter()
            .take(MAX_LINKS)
            .filter_map(|mac| mac_bytes(mac))
            .map(magic)
            .collect();
        for (card, address, mask) in addresses::networks() {
            if let Err(error) = call(address, mask, &packets).await {
                tracing::info!(%error, card, "A neighbour could not be called");
            }
        }
        tracing::info!(cards = packets.len(), "Called a sleeping neighbour");
    }
}

async fn call(address: Ipv4Addr, mask: Ipv4Addr, packets: &[[u8; 102]]) -> io::Result<()> {
    let socket = UdpSocket::bind(SocketAddrV4::new(address, 0)).await?;
    socket.set_broadcast(true)?;
    let all = Ipv4Addr::from_bits(address.to_bits() | !mask.to_bits());
    for packet in packets {
        for _ in 0..COPIES {
            socket.send_to(packet, SocketAddrV4::new(all, PORT)).await?;
        }
    }
    Ok(())
}

/// Six bytes of ones, then the address sixteen times (AMD, “Magic Packet Technology”, 1995).
fn magic(mac: [u8; 6]) -> [u8; 102] {
    let mut packet = [0xff; 102];
    for copy in packet[6..].chunks_mut(6) {
        copy.copy_from_slice(&mac);
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_names_the_card_sixteen_times() {
        let packet = magic([0, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e]);
        assert_eq!(packet[..6], [0xff; 6]);
        assert_eq!(packet[6..].chunks(6).count(), 16);
        assert!(
            packet[6..]
                .chunks(6)
                .all(|copy| copy == [0, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e])
        );
    }

    #[test]
    fn only_cards_that_can_listen_count() {
        let dir = std::env::temp_dir().join(format!("removid-cards-{}", std::process::id()));
        for (card, kind, mac) in [
            ("eth0", "1\n", "00:1A:2b:3c:4d:5e\n"),
            ("lo", "772\n", "00:00:00:00:00:00\n"),
            ("tun0", "65534\n", "\n"),
            ("none", "1\n", "00:00:00:00:00:00\n"),
            ("odd", "1\n", "00:1a\n"),
        ] {
            fs::create_dir_all(dir.join(card)).unwrap();
            fs::write(dir.join(card).join("type"), kind).unwrap();
            fs::write(dir.join(card).join("address"), mac).unwrap();
        }
        assert_eq!(mac_of(&dir, "eth0").as_deref(), Some("00:1a:2b:3c:4d:5e"));
        for card in ["lo", "tun0", "none", "odd", "absent"] {
            assert_eq!(mac_of(&dir, card), None, "{card}");
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}
