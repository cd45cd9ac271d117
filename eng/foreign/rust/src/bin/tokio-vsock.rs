//! A peer for tests of vsock that dials and listens with the crate tokio-vsock, unmodified: sockets that never block, under epoll.
//!
//!     tokio-vsock dial CID PORT COUNT           COUNT connections at the same time, each asks with four bytes and expects them back
//!     tokio-vsock echo PORT COUNT               takes COUNT connections, sends back what comes until the peer's end
//!     tokio-vsock refused CID PORT              what a dial says that nobody takes

use std::{env, io};
use tokio::io::{copy, AsyncReadExt, AsyncWriteExt};
use tokio_vsock::{VsockAddr, VsockListener, VsockStream, VMADDR_CID_ANY};

#[tokio::main(worker_threads = 4)]
async fn main() -> io::Result<()> {
    let number = |index: usize| env::args().nth(index).and_then(|text| text.parse().ok()).expect("a number");
    match env::args().nth(1).as_deref() {
        Some("dial") => dial(VsockAddr::new(number(2), number(3)), number(4)).await,
        Some("echo") => echo(number(2), number(3)).await?,
        Some("refused") => println!("refused: {:?}", VsockStream::connect(VsockAddr::new(number(2), number(3))).await.unwrap_err().kind()),
        _ => panic!("usage: tokio-vsock dial | echo | refused"),
    }
    Ok(())
}

async fn dial(there: VsockAddr, count: u32) {
    let asking: Vec<_> = (0..count).map(|asked| tokio::spawn(ask(there, asked))).collect();
    let mut good = 0;
    for (asked, task) in asking.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(true) => good += 1,
            outcome => println!("connection {asked}: {outcome:?}"),
        }
    }
    println!("dialled: {good} of {count}");
}

async fn ask(there: VsockAddr, asked: u32) -> io::Result<bool> {
    let mut connection = VsockStream::connect(there).await?;
    connection.write_all(&asked.to_le_bytes()).await?;
    let mut answer = [0; 4];
    connection.read_exact(&mut answer).await?;
    let peer = connection.peer_addr()?;
    Ok(answer == asked.to_le_bytes() && (peer.cid(), peer.port()) == (there.cid(), there.port()))
}

async fn echo(port: u32, count: u32) -> io::Result<()> {
    let mut listener = VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, port))?;
    println!("listening: {}", listener.local_addr()?.port());
    for _ in 0..count {
        let (connection, peer) = listener.accept().await?;
        println!("accepted from CID {}", peer.cid());
        let (mut read, mut write) = connection.into_split();
        copy(&mut read, &mut write).await?;
        write.shutdown().await?;
    }
    println!("served: {count}");
    Ok(())
}
