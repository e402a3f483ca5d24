//! Waking a host: by whom, by which neighbours, and with whose word.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use signaling_spec::{Link, Signal};

use super::count::Count;
use super::world::{Host, Socket, World, heard, say};

/// The address of the site that is told of here, as the router sees it.
const HERE: Ipv4Addr = Ipv4Addr::new(127, 200, 0, 1);

async fn connect(world: &World, host: &Host, from: Ipv4Addr, links: &[(&str, &str)]) -> Socket {
    let bearer = format!("Bearer {}", world.assertion(host, |_| {}));
    let tls = world.https.connect_from(from).await.unwrap();
    let headers = [("Authorization", bearer.as_str())];
    let mut socket = world.socket_on(tls, "api/v1/host", &headers).await.unwrap();
    let status = Signal::HostStatus {
        name: host.id.clone(),
        version: "1".to_owned(),
        sessions: vec![],
        links: links
            .iter()
            .map(|(mac, net)| Link {
                mac: (*mac).to_owned(),
                net: (*net).to_owned(),
            })
            .collect(),
    };
    say(&mut socket, &status).await;
    socket
}

/// Until the list of hosts says so of that one.
async fn told(world: &World, admin: &str, host: &Host, what: impl Fn(&Value) -> bool) {
    let mut last = Value::Null;
    for _ in 0..500 {
        let mut hosts = world.call("GET /api/v1/hosts", admin, "").await.json();
        let all = hosts["hosts"].as_array_mut().unwrap();
        last = all
            .iter_mut()
            .find(|one| one["id"] == host.id.as_str())
            .map(Value::take)
            .unwrap_or_default();
        if what(&last) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the list says {last}");
}

#[tokio::test]
async fn a_sleeping_host_is_called_by_its_neighbours_for_whoever_may_use_it() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let stranger = world.person("ben", &["nobody"]).await;
    let [sleeper, near, far] = [
        world.host(&admin, &json!({})).await,
        world.host(&admin, &json!({})).await,
        world.host(&admin, &json!({})).await,
    ];
    let card = ("00:1a:2b:3c:4d:5e", "192.0.2.0/24");
    let odd = ("00:1a:2b:3c:4d:5e:ff", "192.0.2.0/24");
    let asleep = connect(
        &world,
        &sleeper,
        HERE,
        &[card, odd, ("00:00:00:00:00:01", "x; drop table host")],
    )
    .await;
    told(&world, &admin, &sleeper, |host| {
        host["online"] == true && host["name"] == sleeper.id.as_str()
    })
    .await;
    let line = format!("POST /api/v1/hosts/{}/wake", sleeper.id);
    let answer = world.call(&line, &admin, "").await;
    assert_eq!(
        (answer.status, answer.json()["asked"].as_u64()),
        (200, Some(0)),
        "it is awake"
    );
    drop(asleep);
    told(&world, &admin, &sleeper, |host| {
        host["online"] == false && host["wakes"] == false
    })
    .await;
    count.refused(
        "a host without neighbours",
        &world.call(&line, &admin, "").await,
        409,
        "no_neighbour",
    );
    // Of another network, and one that only claims a name of it.
    let mut apart = connect(&world, &far, HERE, &[("00:00:00:00:00:02", "198.51.100.0/24")]).await;
    told(&world, &admin, &far, |host| host["name"] == far.id.as_str()).await;
    count.refused(
        "a neighbour of another network",
        &world.call(&line, &admin, "").await,
        409,
        "no_neighbour",
    );
    // A site elsewhere whose network has the same numbers.
    let twin = world.host(&admin, &json!({})).await;
    let _elsewhere = connect(
        &world,
        &twin,
        Ipv4Addr::new(127, 200, 0, 2),
        &[("00:00:00:00:00:04", card.1)],
    )
    .await;
    told(&world, &admin, &twin, |host| host["name"] == twin.id.as_str()).await;
    count.refused(
        "a network of the same numbers elsewhere",
        &world.call(&line, &admin, "").await,
        409,
        "no_neighbour",
    );
    let mut neighbour = connect(&world, &near, HERE, &[("00:00:00:00:00:03", "192.0.2.0/24")]).await;
    told(&world, &admin, &sleeper, |host| host["wakes"] == true).await;
    count.refused("nobody", &world.call(&line, "", "").await, 401, "login_required");
    count.refused(
        "whoever may not use it",
        &world.call(&line, &stranger, "").await,
        404,
        "not_found",
    );
    let none = world
        .call("POST /api/v1/hosts/AAAAAAAAAAAAAAAA/wake", &admin, "")
        .await;
    count.refused("a host that is none", &none, 404, "not_found");
    let headers = [
        ("Authorization", format!("Bearer {admin}")),
        ("Origin", "https://evil.example".to_owned()),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let foreign = world.https.request(&line, &headers, "").await.unwrap();
    count.refused("another site's page", &foreign, 403, "origin");
    // The honest twin: the neighbour hears of the good cards, the other nothing.
    let answer = world.call(&line, &admin, "").await;
    assert_eq!(
        (answer.status, answer.json()["asked"].as_u64()),
        (202, Some(1)),
        "{answer:?}"
    );
    let Ok(Signal::HostWake { macs }) = heard(&mut neighbour).await else {
        panic!("the neighbour was not asked");
    };
    assert_eq!(macs, [card.0], "only what is a hardware address");
    // A host that says it to the router wakes nobody.
    say(
        &mut apart,
        &Signal::HostWake {
            macs: vec![card.0.to_owned()],
        },
    )
    .await;
    count.one();
    let answer = world.call(&line, &admin, "").await;
    assert_eq!(answer.status, 202);
    assert!(matches!(heard(&mut neighbour).await, Ok(Signal::HostWake { .. })));
    count.say("waking hosts");
}
