//! What every implementation of the agent's peer connections must do, whatever library stands behind it.
//! The other side is an independent viewer.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of what a transport says, each test looks for one thing"
)]

mod channels;
mod connection;
mod host;
mod video;

use std::net::{SocketAddr, TcpListener};

use host_agent::transport::Transport;
use host_agent::transport::ice_tcp::IceTcp;

/// Runs each case with one implementation.
macro_rules! conformance {
    ($name:ident, $open:path, $($room:ident: $($case:ident),+;)+) => {
        mod $name {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    Box::pin(super::$room::$case($open)).await;
                }
            )+)+
        }
    };
}

macro_rules! every_case {
    ($name:ident, $open:path) => {
        conformance! { $name, $open,
            connection: both_sides_know_the_certificates,
                an_offer_with_another_certificate_never_connects,
                it_negotiates_again,
                garbage_offers_are_refused,
                garbage_candidates_and_datagrams_do_no_harm,
                a_close_is_noticed_by_the_viewer,
                a_viewer_that_vanishes_is_lost_once,
                two_viewers_do_not_mix,
                whoever_is_not_there_gets_nothing;
            channels: messages_go_both_ways_up_to_the_limit,
                a_full_channel_says_so_and_recovers,
                a_channel_that_is_not_ours_is_nobodys;
            video: frames_of_every_size_arrive_whole,
                a_huge_frame_arrives_whole_in_the_end,
                nothing_is_sent_before_a_keyframe,
                sixty_frames_in_a_second_arrive,
                a_codec_that_was_not_agreed_on_is_passed_over,
                all_colours_never_come_alone,
                wishes_for_a_keyframe_are_heard,
                a_lost_packet_of_any_codec_is_sent_again;
        }
    };
}

every_case!(str0m, crate::open_str0m);
#[cfg(feature = "transport-webrtc")]
every_case!(webrtc, crate::open_webrtc);

fn open_str0m() -> Box<dyn Transport> {
    // As in the agent: the port that TCP has is opened for UDP, and another one is taken if it is not free.
    let mut tries = 20;
    loop {
        tries -= 1;
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        let https = TcpListener::bind(any).unwrap();
        let (tcp, frames) = IceTcp::new();
        let tls = std::sync::Arc::new(host_agent::trust::client_config(None).unwrap());
        let opened =
            host_agent::transport::str0m::Str0mTransport::open(https.local_addr().unwrap(), tcp, frames, tls);
        match opened {
            Ok(transport) => return Box::new(transport),
            Err(error) => assert!(tries > 0, "{error:#}"),
        }
    }
}

#[cfg(feature = "transport-webrtc")]
fn open_webrtc() -> Box<dyn Transport> {
    let any = SocketAddr::from(([0, 0, 0, 0], 443));
    Box::new(host_agent::transport::webrtc::WebrtcTransport::open(any).unwrap())
}
