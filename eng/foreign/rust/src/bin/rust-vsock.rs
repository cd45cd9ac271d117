//! A peer for tests of vsock that dials and listens with the crate vsock, unmodified.
//!
//!     rust-vsock id                             its own CID
//!     rust-vsock dial CID PORT COUNT THREADS    COUNT connections, each asks with four bytes and expects them back
//!     rust-vsock echo PORT COUNT                takes COUNT connections, sends back what comes until the peer's end
//!     rust-vsock refused CID PORT               what a dial says that nobody takes

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, thread};
use vsock::{get_local_cid, VsockListener, VsockStream, VMADDR_CID_ANY};

fn main() -> io::Result<()> {
    let number = |index: usize| env::args().nth(index).and_then(|text| text.parse().ok()).expect("a number");
    match env::args().nth(1).as_deref() {
        Some("id") => println!("own CID: {}", get_local_cid()?),
        Some("dial") => dial(number(2), number(3), number(4), number(5)),
        Some("echo") => echo(number(2), number(3))?,
        Some("refused") => println!("refused: {:?}", VsockStream::connect_with_cid_port(number(2), number(3)).unwrap_err().kind()),
        _ => panic!("usage: rust-vsock id | dial | echo | refused"),
    }
    Ok(())
}

fn dial(cid: u32, port: u32, count: u32, threads: u32) {
    let (next, good) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| loop {
                let asked = next.fetch_add(1, Ordering::Relaxed);
                if asked >= count {
                    break;
                }
                match ask(cid, port, asked) {
                    Ok(true) => _ = good.fetch_add(1, Ordering::Relaxed),
                    outcome => println!("connection {asked}: {outcome:?}"),
                }
            });
        }
    });
    println!("dialled: {} of {count}", good.into_inner());
}

fn ask(cid: u32, port: u32, asked: u32) -> io::Result<bool> {
    let mut connection = VsockStream::connect_with_cid_port(cid, port)?;
    let there = connection.peer_addr()?;
    connection.write_all(&asked.to_le_bytes())?;
    let mut answer = [0; 4];
    connection.read_exact(&mut answer)?;
    Ok(answer == asked.to_le_bytes() && (there.cid(), there.port()) == (cid, port))
}

fn echo(port: u32, count: u32) -> io::Result<()> {
    let listener = VsockListener::bind_with_cid_port(VMADDR_CID_ANY, port)?;
    println!("listening: {}", listener.local_addr()?.port());
    for _ in 0..count {
        let (mut connection, peer) = listener.accept()?;
        println!("accepted from CID {}", peer.cid());
        io::copy(&mut connection.try_clone()?, &mut connection)?;
        connection.shutdown(Shutdown::Write)?;
    }
    println!("served: {count}");
    Ok(())
}
