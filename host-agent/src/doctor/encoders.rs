//! The encoders, each by really encoding and decoding.

use super::{Finding, Level, install};
use crate::config::Config;
use crate::media::encoder::Launcher;
use crate::media::probe;
use crate::media::rungs::RUNGS;
use crate::station::launcher;
use crate::transport::Codec;

pub(super) fn check(config: &Config, state_is_usable: bool) -> Vec<Finding> {
    let scratch = std::env::temp_dir().join(format!("removid-doctor-{}", std::process::id()));
    let keep = state_is_usable && config.state_dir.exists();
    match launcher(if keep { &config.state_dir } else { &scratch }) {
        Ok(launcher) => {
            // Without a state directory the list of plug-ins is made anew and thrown away.
            let made = !keep && std::fs::create_dir(&scratch).is_ok();
            let findings = examine(&launcher, config.codec.as_deref());
            if made {
                let _ = std::fs::remove_dir_all(&scratch);
            }
            findings
        }
        Err(error) => vec![Finding::failure(
            "encoders",
            format!("{error:#}"),
            "removid --version",
        )],
    }
}

fn examine(launcher: &Launcher, only: Option<&str>) -> Vec<Finding> {
    let all = "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly";
    let installed = match probe::installed(launcher) {
        Ok(installed) => installed,
        Err(error) => {
            return vec![Finding::failure(
                "encoders",
                format!("GStreamer does not start: {error:#}"),
                install(all),
            )];
        }
    };
    let mut findings = Vec::new();
    let mut working = 0;
    for rung in RUNGS.iter().filter(|rung| installed.contains_key(rung.name)) {
        let trial = probe::trial(launcher, rung.name);
        let wanted =
            only.is_none_or(|name| name == rung.name || name.eq_ignore_ascii_case(rung.codec.name()));
        let alone = rung.codec != Codec::H264High444;
        working += usize::from(trial.works && wanted && alone);
        let name = format!("{} ({})", rung.name, rung.codec.name());
        findings.push(match trial.why {
            None => {
                let proof = match (&trial.decoder, trial.psnr) {
                    (Some(decoder), Some(psnr)) => format!("decoded by {decoder} at {psnr:.0} dB"),
                    _ => "no decoder here to check it with".to_owned(),
                };
                Finding::ok(
                    "encoders",
                    format!("{name} works: {:.1} ms for 640x480, {proof}", trial.encode_ms),
                )
            }
            Some(why) => Finding {
                check: "encoders",
                level: Level::Warning,
                found: format!("{name} does not work here: {why}"),
                fix: None,
            },
        });
    }
    if working == 0 {
        let found = only.map_or_else(
            || "no encoder works: there would be no picture".to_owned(),
            |name| format!("--codec {name} leaves no encoder that works"),
        );
        findings.push(Finding::failure("encoders", found, install(all)));
    } else if !installed.contains_key("x264enc") {
        findings.push(Finding::warning(
            "encoders",
            "x264 is missing, the best software encoder for H.264",
            install("gstreamer1.0-plugins-ugly"),
        ));
    }
    findings
}
