//! A way to a server that can be closed: connections break, and new ones are refused.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// A loopback address from which every connection leads to a server, while it is open.
pub struct Gate {
    address: SocketAddr,
    server: SocketAddr,
    /// Bound and never listening: nobody else gets the port while the gate is closed.
    _port: TcpSocket,
    forwarding: JoinSet<()>,
}

impl Gate {
    pub fn open_to(server: SocketAddr) -> Self {
        let port = socket(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut gate = Gate {
            address: port.local_addr().unwrap(),
            server,
            _port: port,
            forwarding: JoinSet::new(),
        };
        gate.open();
        gate
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn open(&mut self) {
        let listener = socket(self.address).listen(128).unwrap();
        self.forwarding.spawn(forward_all(listener, self.server));
    }

    pub async fn close(&mut self) {
        self.forwarding.shutdown().await;
    }
}

fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// Forwards until it is dropped, and with it every connection.
async fn forward_all(listener: TcpListener, server: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        connections.spawn(async move {
            // A server that is away, like an end that breaks off, is for the client to see.
            if let Ok(mut server) = TcpStream::connect(server).await {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
