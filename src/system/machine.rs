//! What is told of the machine beside figures that were measured on it, and how to let it come to rest.
//!
//! Nothing here names a person, a host or a path.
#![expect(clippy::disallowed_methods, reason = "this is a door behind which the system's own files lie")]

use std::io;
use std::path::Path;

/// Returns the model of the processor, where the system says it.
pub fn processor() -> Option<String> {
    // Linux; other systems have no such file.
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    model_name(&text)
}

fn model_name(text: &str) -> Option<String> {
    let is_name = |it: &(&str, &str)| matches!(it.0.trim(), "model name" | "Model" | "Hardware");
    text.lines().filter_map(|it| it.split_once(':')).find(is_name).map(|it| it.1.trim().to_owned())
}

/// Returns the numbers in the version of the kernel, where the system says it; what a builder may have added is left
/// out.
pub fn kernel() -> Option<String> {
    #[cfg(unix)]
    {
        let uname = rustix::system::uname();
        let release = uname.release().to_str().ok()?;
        let numbers: String = release.chars().take_while(|it| it.is_ascii_digit() || *it == '.').collect();
        Some(numbers.trim_end_matches('.').to_owned()).filter(|it| !it.is_empty())
    }
    #[cfg(not(unix))]
    None
}

/// Returns the name of the file system that holds `dir`, for those that games lie on.
pub fn file_system(dir: &Path) -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    {
        // The numbers are those of statfs(2).
        match u64::try_from(rustix::fs::statfs(dir).ok()?.f_type).ok()? {
            0xef53 => Some("ext4"),
            0x5846_5342 => Some("xfs"),
            0x9123_683e => Some("btrfs"),
            0x0102_1994 => Some("tmpfs"),
            0x794c_7630 => Some("overlay"),
            0x2fc1_2fc1 => Some("zfs"),
            0xf2f5_2010 => Some("f2fs"),
            0x6969 => Some("nfs"),
            0x6573_5546 => Some("fuse"),
            _ => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = dir;
        None
    }
}

/// Returns how many threads wanted to run over the last minute, in hundredths, where the system says it.
pub fn load_percent() -> Option<u64> {
    // Linux; other systems have no such file.
    load_average(&std::fs::read_to_string("/proc/loadavg").ok()?)
}

fn load_average(text: &str) -> Option<u64> {
    let average: f64 = text.split_whitespace().next()?.parse().ok()?;
    average.is_finite().then(|| (average * 100.0).round() as u64)
}

/// Waits until everything written to the file system of `dir` is on its disk: otherwise the system would write it
/// while something else is measured.
///
/// # Errors
///
/// When the directory cannot be opened.
pub fn settle(dir: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(CWD, dir, flags, Mode::empty())?;
        rustix::fs::syncfs(handle)?;
    }
    #[cfg(all(unix, not(target_os = "linux")))]
    rustix::fs::sync();
    let _ = dir;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_processor() {
        assert_eq!(model_name("processor\t: 0\nmodel name\t: AMD EPYC 7763\n").as_deref(), Some("AMD EPYC 7763"));
        assert_eq!(model_name("processor\t: 0\n"), None);
    }

    #[test]
    fn the_load_of_a_minute() {
        assert_eq!(load_average("8.67 11.68 10.30 9/312 4711\n"), Some(867));
        assert_eq!(["", "x", "NaN"].map(load_average), [None; 3]);
    }

    #[test]
    fn a_kernel_is_numbers() {
        assert!(kernel().is_none_or(|it| it.chars().all(|it| it.is_ascii_digit() || it == '.')));
    }
}
