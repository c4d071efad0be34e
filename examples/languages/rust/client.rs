//! A TLS client in Rust: the standard library, and two calls of the C library
//! that it links anyway.
//!
//!     rustc client.rs
//!     ssa run -- ./client example.com 443 /
use std::io::{self, Write};
use std::mem::size_of;
use std::net::TcpStream;
use std::os::unix::io::{AsRawFd, FromRawFd};
use std::process::ExitCode;

const AF_INET: i32 = 2;
const SOCK_STREAM: i32 = 1;
const SOCK_CLOEXEC: i32 = 0o2000000;
const IPPROTO_TLS: i32 = 205;
const AF_HOSTNAME: u16 = 43;
const TLS_ERROR: i32 = 100;

/// struct sockaddr_host of <netinet/tls.h>.
#[repr(C)]
struct SockaddrHost {
    family: u16,
    port: u16,
    name: [u8; 255],
}

extern "C" {
    fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
    fn connect(fd: i32, address: *const SockaddrHost, len: u32) -> i32;
    fn getsockopt(fd: i32, level: i32, name: i32, value: *mut u8, len: *mut u32) -> i32;
}

/// Connects to a host by its name, which is verified.
fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut to = SockaddrHost { family: AF_HOSTNAME, port: port.to_be(), name: [0; 255] };
    to.name
        .get_mut(..host.len())
        .ok_or(io::ErrorKind::InvalidInput)?
        .copy_from_slice(host.as_bytes());
    let fd = unsafe { socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TLS) };
    if fd == -1 {
        let error = io::Error::last_os_error();
        return Err(io::Error::new(error.kind(), format!("{error}: start it with ssa run -- client")));
    }
    let stream = unsafe { TcpStream::from_raw_fd(fd) };
    match unsafe { connect(fd, &to, size_of::<SockaddrHost>() as u32) } {
        0 => Ok(stream),
        _ => Err(why(&stream)),
    }
}

/// Why the last operation failed, in one sentence.
fn why(stream: &TcpStream) -> io::Error {
    let error = io::Error::last_os_error();
    let (mut text, mut len) = ([0u8; 1024], 1024u32);
    match unsafe { getsockopt(stream.as_raw_fd(), IPPROTO_TLS, TLS_ERROR, text.as_mut_ptr(), &mut len) } {
        0 => {
            let text = String::from_utf8_lossy(&text[..len as usize]);
            io::Error::new(error.kind(), format!("{error}: {}", text.trim_end_matches('\0')))
        }
        _ => error,
    }
}

fn fetch(host: &str, port: &str, path: &str) -> io::Result<()> {
    let port = port.parse().map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    let mut stream = dial(host, port)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    io::copy(&mut stream, &mut io::stdout())?;
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if args.len() != 4 {
        eprintln!("usage: client host port path");
        return ExitCode::from(2);
    }
    let host = &args[1];
    match fetch(host, &args[2], &args[3]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("client: {host}: {e}");
            ExitCode::FAILURE
        }
    }
}
