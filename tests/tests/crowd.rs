//! What each further viewer costs: not a test that passes or fails but a measurement, so it runs only when asked for, by
//! `tests/perf/crowd.sh`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tests::agent::Agent;
use tests::viewer::Viewer;

/// What is measured over.
const SPAN: Duration = Duration::from_secs(8);
const WARM: Duration = Duration::from_secs(6);
/// Linux tells processor time in hundredths of a second.
const TICK: f64 = 0.01;

/// Seconds that the threads of a process took so far: those of its runtime, and all.
fn seconds(process: u32) -> (f64, f64) {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return (0.0, 0.0);
    };
    let mut sums = (0.0, 0.0);
    for task in tasks.flatten() {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The name stands in brackets and may hold spaces.
        let Some((name, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        let fields: Vec<f64> = rest
            .split_whitespace()
            .map(|word| word.parse().unwrap_or(0.0))
            .collect();
        let took = TICK * fields.get(11..13).map_or(0.0, |times| times.iter().sum());
        sums.1 += took;
        if name.contains("tokio") {
            sums.0 += took;
        }
    }
    sums
}

/// Its encoders.
fn children(process: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|child: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            let parent = stat
                .rsplit_once(')')
                .and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
            let words = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            parent == Some(process) && String::from_utf8_lossy(&words).contains("encoder-worker")
        })
        .collect()
}

/// Proportional set size, in MiB.
fn memory(process: u32) -> f64 {
    let rollup =
        std::fs::read_to_string(PathBuf::from(format!("/proc/{process}/smaps_rollup"))).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1024.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, of some minutes"]
async fn each_further_viewer_costs_little() {
    let display =
        std::env::var("REMOVID_CROWD_DISPLAY").expect("REMOVID_CROWD_DISPLAY names an X display that moves");
    let agent = Agent::start(
        "crowd",
        &[
            "--desktop",
            "x11",
            "--display",
            &display,
            "--no-sign",
            "--no-sound",
            "--max-bitrate",
            "5",
        ],
    )
    .unwrap();
    let mut viewers: Vec<Viewer> = Vec::new();
    for count in [1, 2, 5, 10] {
        while viewers.len() < count {
            let viewer = Box::pin(Viewer::connect(&agent.link)).await.unwrap();
            viewer.first_picture().await.unwrap();
            viewers.push(viewer);
        }
        tokio::time::sleep(WARM).await;
        let received = async || {
            let mut sum = 0;
            for viewer in &viewers {
                sum += viewer.peer.bytes_received().await;
            }
            sum
        };
        let encoders = children(agent.id());
        let of_encoders = || encoders.iter().map(|child| seconds(*child).1).sum::<f64>();
        let (before, bytes, encoded, began) = (
            seconds(agent.id()),
            received().await,
            of_encoders(),
            Instant::now(),
        );
        tokio::time::sleep(SPAN).await;
        let took = began.elapsed().as_secs_f64();
        let (after, more) = (seconds(agent.id()), received().await - bytes);
        let percent = |seconds: f64| 100.0 * seconds / took;
        let mbit = f64::from(u32::try_from(more).unwrap_or(u32::MAX)) * 8e-6 / took;
        eprintln!(
            "{count:>2} viewers: {} encoder(s) {:.0} % of a core, transport {:.1} %, rest of the agent {:.1} %; {:.1} Mbit/s each; {:.1} MiB",
            encoders.len(),
            percent(of_encoders() - encoded),
            percent(after.0 - before.0),
            percent((after.1 - after.0) - (before.1 - before.0)),
            mbit / f64::from(u32::try_from(count).unwrap()),
            memory(agent.id()) + encoders.iter().map(|child| memory(*child)).sum::<f64>(),
        );
    }
}
