//! The state directory, its secrets, and the certificate.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use router::auth::direct::DirectStore;
use router::tls::Certificate;

use super::{Finding, quoted};
use crate::config::Config;
use crate::identity::Identity;

/// Less room than this is a disk that is full any moment.
const ROOM: u64 = 16 * 1024 * 1024;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let dir = &config.state_dir;
    let name = quoted(dir.display().to_string());
    if !dir.exists() {
        let parent = dir
            .ancestors()
            .find(|path| path.exists())
            .unwrap_or(Path::new("/"));
        let writable = nix::unistd::access(parent, nix::unistd::AccessFlags::W_OK).is_ok();
        let finding = if writable {
            Finding::ok(
                "state",
                format!("{} will be made at the first start", dir.display()),
            )
        } else {
            let user = nix::unistd::geteuid();
            let fix = format!("sudo install -d -m 700 -o {user} {name}");
            Finding::failure(
                "state",
                format!(
                    "{} cannot be made: {} is not yours",
                    dir.display(),
                    parent.display()
                ),
                fix,
            )
        };
        return vec![finding, own_certificate(config)];
    }
    let mut findings = vec![directory(dir, &name)];
    for file in [
        "host-key.pk8",
        "host-key-next.pk8",
        "host-id",
        "keyring.json",
        "tokens.json",
        "tls-key.pem",
        "place.json",
    ] {
        findings.extend(secret(&dir.join(file)));
    }
    if findings.iter().all(|finding| finding.fix.is_none()) {
        findings.push(keys(dir));
    }
    findings.push(own_certificate(config));
    findings
}

fn directory(dir: &Path, name: &str) -> Finding {
    let Ok(meta) = dir.metadata() else {
        return Finding::failure(
            "state",
            format!("{} cannot be read", dir.display()),
            format!("ls -ld {name}"),
        );
    };
    if !meta.is_dir() {
        return Finding::failure(
            "state",
            format!("{} is a file", dir.display()),
            format!("mv {name} {name}.old"),
        );
    }
    let us = nix::unistd::geteuid();
    if meta.uid() != us.as_raw() && !us.is_root() {
        return Finding::failure(
            "state",
            format!("{} belongs to somebody else", dir.display()),
            format!("sudo chown -R {us} {name}"),
        );
    }
    if meta.mode() & 0o077 != 0 {
        let found = format!(
            "{} can be entered by others (mode {:o})",
            dir.display(),
            meta.mode() & 0o777
        );
        return Finding::failure("state", found, format!("chmod 700 {name}"));
    }
    match nix::sys::statvfs::statvfs(dir) {
        Ok(disk) if disk.blocks_available().saturating_mul(disk.fragment_size()) < ROOM => Finding::failure(
            "state",
            format!("the disk of {} is full", dir.display()),
            format!("df -h {name}"),
        ),
        _ => Finding::ok("state", dir.display().to_string()),
    }
}

/// A file that others can read gives this host away.
fn secret(path: &Path) -> Option<Finding> {
    let mode = path.metadata().ok()?.mode() & 0o777;
    let found = format!("{} can be read by others (mode {mode:o})", path.display());
    (mode & 0o077 != 0).then(|| {
        Finding::failure(
            "state",
            found,
            format!("chmod 600 {}", quoted(path.display().to_string())),
        )
    })
}

fn keys(dir: &Path) -> Finding {
    let aside = |file: &str| {
        let path = quoted(dir.join(file).display().to_string());
        format!("mv {path} {path}.damaged")
    };
    let identity = match Identity::open(dir) {
        Ok(identity) => identity,
        Err(error) => return Finding::failure("keys", format!("{error:#}"), aside("host-key.pk8")),
    };
    match DirectStore::open(dir, identity.id.clone()).and_then(|store| store.list()) {
        Ok(listed) => Finding::ok(
            "keys",
            format!("host {}, {} token(s) in force", identity.id, listed.len()),
        ),
        Err(error) => {
            let words = format!("{error:#}");
            let fix = format!("{} && {}", aside("keyring.json"), aside("tokens.json"));
            Finding::failure("keys", words, fix)
        }
    }
}

fn own_certificate(config: &Config) -> Finding {
    let dir = &config.state_dir;
    let (cert, key, own) = match &config.tls {
        Some((cert, key)) => (cert.clone(), key.clone(), true),
        None => (dir.join("tls-cert.pem"), dir.join("tls-key.pem"), false),
    };
    if !own && !cert.exists() {
        return Finding::ok("certificate", "a self-signed one will be made at the first start");
    }
    match Certificate::load(&cert, &key) {
        Ok(certificate) => Finding::ok("certificate", format!("SHA-256 {}", certificate.sha256())),
        Err(error) if own => Finding::failure(
            "certificate",
            format!("{error:#}"),
            format!(
                "openssl x509 -noout -subject -dates -in {}",
                quoted(cert.display().to_string())
            ),
        ),
        Err(error) => {
            let (cert, key) = (
                quoted(cert.display().to_string()),
                quoted(key.display().to_string()),
            );
            Finding::failure("certificate", format!("{error:#}"), format!("rm -f {cert} {key}"))
        }
    }
}
