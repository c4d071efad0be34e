//! A TLS server in Rust: a standard TcpListener, made from a TLS socket.
//!
//!     rustc server.rs
//!     ssa run -- ./server 127.0.0.1 8443 chain.pem key.pem
use std::io::{self, BufRead, BufReader, Write};
use std::mem::size_of;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::io::FromRawFd;
use std::process::ExitCode;
use std::thread;

const AF_INET: i32 = 2;
const SOCK_STREAM: i32 = 1;
const SOCK_CLOEXEC: i32 = 0o2000000;
const IPPROTO_TLS: i32 = 205;
const TLS_CERTIFICATE_CHAIN: i32 = 88;
const TLS_PRIVATE_KEY: i32 = 89;

/// struct sockaddr_in.
#[repr(C)]
struct SockaddrIn {
    family: u16,
    port: u16,
    address: [u8; 4],
    zero: [u8; 8],
}

extern "C" {
    fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
    fn setsockopt(fd: i32, level: i32, name: i32, value: *const u8, len: u32) -> i32;
    fn bind(fd: i32, address: *const SockaddrIn, len: u32) -> i32;
    fn listen(fd: i32, backlog: i32) -> i32;
}

fn check(result: i32) -> io::Result<i32> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn listen_on(address: Ipv4Addr, port: u16, chain: &str, key: &str) -> io::Result<TcpListener> {
    let at = SockaddrIn { family: AF_INET as u16, port: port.to_be(), address: address.octets(), zero: [0; 8] };
    unsafe {
        let fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TLS))
            .map_err(|e| io::Error::new(e.kind(), format!("{e}: start it with ssa run -- server")))?;
        let listener = TcpListener::from_raw_fd(fd); // closes it on every way out
        for (option, path) in [(TLS_CERTIFICATE_CHAIN, chain), (TLS_PRIVATE_KEY, key)] {
            check(setsockopt(fd, IPPROTO_TLS, option, path.as_ptr(), path.len() as u32))?;
        }
        check(bind(fd, &at, size_of::<SockaddrIn>() as u32))?;
        check(listen(fd, 128))?;
        Ok(listener)
    }
}

fn answer(stream: TcpStream) -> io::Result<()> {
    for line in BufReader::new(&stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    (&stream).write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from Rust.\n")
}

fn serve(address: &str, port: &str, chain: &str, key: &str) -> Result<(), Box<dyn std::error::Error>> {
    let listener = listen_on(address.parse()?, port.parse()?, chain, key)?;
    println!("listening on {address} port {}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || answer(stream).unwrap_or_else(|e| eprintln!("server: {e}")));
    }
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if args.len() != 5 {
        eprintln!("usage: server address port chain.pem key.pem");
        return ExitCode::from(2);
    }
    match serve(&args[1], &args[2], &args[3], &args[4]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("server: {e}");
            ExitCode::FAILURE
        }
    }
}
