//! What travels as tiles, what as video, and what a viewer sees of both.
#![expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use session_core::tiles::{Board, Split};
use signaling_spec::channel::tiles::CELL;

/// What has not changed for so long rests.
const REST: Duration = Duration::from_millis(110);
const SIZE: (u32, u32) = (10 * CELL, 6 * CELL);

fn board() -> Board<u8> {
    let mut board = Board::default();
    board.set_viewers([1]);
    board.resize(SIZE);
    board
}

#[test]
fn what_is_small_and_rests_is_still_and_what_hangs_on_motion_moves() {
    let (mut board, now) = (board(), Instant::now());
    assert_eq!(board.under([[60, 0, 8, 64]]), [0, 1]);
    assert_eq!(
        board.handle_change(&[0, 1], now),
        Split {
            still: vec![0, 1],
            moving: false
        }
    );
    board.move_on(&[24], now);
    // 35 touches 24 by a corner, 9 nothing.
    let split = board.handle_change(&[9, 24, 35], now);
    assert_eq!(
        split,
        Split {
            still: vec![9],
            moving: true
        }
    );
    let rested = board.handle_change(&[35], now + REST);
    assert_eq!(
        rested,
        Split {
            still: vec![35],
            moving: false
        }
    );
}

#[test]
fn a_page_that_is_turned_rests_sooner_than_what_goes_on_moving() {
    let (mut board, began) = (board(), Instant::now());
    let at = |ms| began + Duration::from_millis(ms);
    let rests_after = |board: &Board<u8>, from: u64| {
        (0..200).find(|ms| board.unfinished(1, usize::MAX, at(from + ms)).contains(&24))
    };
    board.move_on(&[24], at(0));
    assert_eq!(rests_after(&board, 0), Some(50));
    board.move_on(&[24], at(70));
    assert_eq!(rests_after(&board, 70), Some(110));
    // After a while it may be another page.
    board.move_on(&[24], at(700));
    assert_eq!(rests_after(&board, 700), Some(50));
}

#[test]
fn a_frame_replaces_older_tiles_only() {
    let (mut board, now) = (board(), Instant::now());
    assert_eq!(board.handle_frame(1, now), None);
    board.handle_change(&[3, 4], now);
    assert_eq!(
        board.handle_sent(1, &[3, 4], 10, now),
        Some((1, true)),
        "a newcomer begins with nothing"
    );
    assert_eq!(board.handle_frame(1, now), Some((2, vec![])));
    board.handle_change(&[4], now);
    assert_eq!(board.handle_frame(1, now), Some((3, vec![4])));
    assert_eq!(board.handle_frame(1, now), Some((4, vec![])));
}

proptest! {
    /// Whatever happens, what a viewer would show is never older than the newest frame it was told of, and once all
    /// rests it becomes exact.
    #[test]
    fn nothing_old_is_shown_and_rest_is_exact(steps in proptest::collection::vec((0..4_u8, proptest::collection::vec(0..60_usize, 1..6)), 1..60)) {
        let (mut board, mut now) = (board(), Instant::now());
        let mut truth = vec![0_u64; 60];
        let mut shown = vec![None; 60];
        let mut video = vec![0_u64; 60];
        let mut change = 0;
        let send = |board: &mut Board<u8>, cells: &[usize], truth: &[u64], shown: &mut Vec<Option<u64>>, now| {
            let (number, forget) = board.handle_sent(1, cells, 1, now).unwrap_or_default();
            if forget {
                shown.fill(None);
            }
            for cell in cells {
                shown[*cell] = Some(truth[*cell]);
            }
            board.handle_seen(1, number, now);
        };
        for (kind, cells) in steps {
            now += Duration::from_millis(40);
            match kind {
                0 | 1 => {
                    change += 1;
                    cells.iter().for_each(|cell| truth[*cell] = change);
                    let split = board.handle_change(&cells, now);
                    if kind == 0 {
                        send(&mut board, &split.still, &truth, &mut shown, now);
                    } else {
                        board.move_on(&split.still, now);
                    }
                }
                2 => {
                    video.clone_from(&truth);
                    for cell in board.handle_frame(1, now).unwrap_or_default().1 {
                        shown[cell] = None;
                    }
                    for (cell, tile) in shown.iter().enumerate() {
                        prop_assert!(tile.is_none_or(|tile| tile >= video[cell]), "an old tile hides newer video");
                    }
                }
                _ => {
                    let cells = board.unfinished(1, 7, now);
                    send(&mut board, &cells, &truth, &mut shown, now);
                }
            }
        }
        now += REST;
        for _ in 0..20 {
            let cells = board.unfinished(1, 7, now);
            send(&mut board, &cells, &truth, &mut shown, now);
        }
        prop_assert!(board.is_exact(1));
        let right: Vec<Option<u64>> = truth.iter().copied().map(Some).collect();
        prop_assert_eq!(shown, right);
    }
}

#[test]
fn what_is_not_heard_of_is_sent_again_and_video_shows_it_at_last() {
    let (mut board, now) = (board(), Instant::now());
    let ms = Duration::from_millis;
    board.handle_change(&[1], now);
    board.handle_sent(1, &[1], 100, now);
    board.handle_seen(1, 1, now + ms(20));
    board.handle_change(&[1], now + ms(100));
    board.handle_sent(1, &[1], 100, now + ms(100));
    assert!(board.resend(now + ms(120)).is_empty());
    // Once and a half of its way, and the time to paint.
    assert_eq!(board.resend(now + ms(136)), [(1, 2)]);
    assert!(board.resend(now + ms(137)).is_empty());
    assert!(board.late(now + ms(200)).is_empty());
    assert_eq!(board.late(now + ms(208)), [1]);
    assert!(board.late(now + ms(209)).is_empty());
    board.handle_seen(1, 2, now + ms(220));
    assert!(!board.is_flying(1, 2));
    assert!(board.resend(now + ms(900)).is_empty());
}

#[test]
fn where_messages_are_lost_short_ones_are_sent_twice() {
    let (mut board, now) = (board(), Instant::now());
    let ms = Duration::from_millis;
    let mut at = now;
    // Each is heard of after 20 ms; `lost` only after it was sent again.
    let mut round = |board: &mut Board<u8>, lost: bool| {
        at += ms(1_000);
        board.handle_change(&[1], at);
        let (number, _) = board.handle_sent(1, &[1], 100, at).unwrap();
        let twice = board.resend(at + ms(8)) == [(1, number)];
        if lost {
            assert_eq!(board.resend(at + ms(400)), [(1, number)]);
        }
        board.handle_seen(1, number, at + ms(20));
        twice
    };
    assert!(!round(&mut board, false));
    assert!(!round(&mut board, true));
    // One loss may be a page that was busy.
    assert!(!round(&mut board, false));
    assert!(!round(&mut board, true));
    assert!(round(&mut board, false));
    // In time it is forgotten.
    assert!((0..400).any(|_| !round(&mut board, false)));
}

#[test]
fn whoever_comes_back_is_told_new_numbers() {
    let (mut board, now) = (board(), Instant::now());
    for number in 1..4 {
        let (sent, _) = board.handle_sent(1, &[1], 100, now).unwrap_or_default();
        assert_eq!(sent, number);
    }
    board.set_viewers([]);
    board.set_viewers([1, 2]);
    assert_eq!(board.handle_sent(1, &[1], 100, now), Some((4, true)));
    assert_eq!(board.handle_sent(2, &[1], 100, now), Some((4, true)));
}

#[test]
fn who_wants_all_anew_gets_it_at_most_twice_a_second() {
    let (mut board, now) = (board(), Instant::now());
    board.handle_change(&[3], now);
    let all = board.unfinished(1, usize::MAX, now);
    board.handle_sent(1, &all, 10, now);
    assert!(board.is_exact(1));
    board.handle_anew(1, now);
    board.resend(now);
    assert_eq!(board.unfinished(1, usize::MAX, now), all);
    assert_eq!(
        board.handle_frame(1, now),
        None,
        "nothing is said of frames before"
    );
    assert_eq!(board.handle_sent(1, &all, 10, now), Some((2, true)));
    board.handle_anew(1, now);
    board.resend(now);
    assert!(board.is_exact(1), "too soon");
    let later = now + Duration::from_millis(500);
    assert!(
        board
            .poll_timeout(|_| 5_000_000, now)
            .is_some_and(|at| at <= later)
    );
    board.resend(later);
    assert!(!board.is_exact(1));
}
