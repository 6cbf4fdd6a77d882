//! Goal: an argument is judged by what bitcoind reads in it, and the reason names it.

use bitcoin_controller::controller::desired::extra_args::refusal;

#[test]
fn what_does_no_harm_may_be_given() {
    for argument in [
        "-debug=net",
        "-debug",
        "-nodebug",
        "--logips",
        "-maxmempool=300",
        "-dbcache=450",
        "-fallbackfee=0.001",
        "-blocksonly=1",
        "-mocktime=1700000000",
        "-rpcthreads=16",
        "-rpcworkqueue=128",
        "-zmqpubsequence=tcp://$(POD_IP):28334",
        "-whitelist=download@10.0.0.0/8",
        "-maxconnections=500",
        "-minrelaytxfee=0",
        "-reindex-chainstate",
        "-onlynet=ipv4",
        "-wallet=w",
    ] {
        assert_eq!(refusal(argument), None, "{argument}");
    }
}

#[test]
fn what_the_controller_relies_on_may_not() {
    for argument in [
        "-regtest",
        "-regtest=0",
        "-chain=main",
        "-testnet",
        "-testnet4=1",
        "-signet",
        "-conf=/tmp/x",
        "-includeconf=x",
        "-datadir=/tmp",
        "-blocksdir=/tmp",
        "-daemon",
        "-daemonwait=1",
        "-help",
        "-?",
        "-h",
        "-version",
        "-server=0",
        "-rest=0",
        "-rpcuser=u",
        "-rpcpassword=p",
        "-rpcauth=a:b$c",
        "-rpcbind=0.0.0.0",
        "-rpcallowip=::/0",
        "-rpcport=1",
        "-rpccookiefile=x",
        "-rpcwhitelist=u:stop",
        "-rpcservertimeout=1",
        "-zmqpubrawblock=tcp://1.2.3.4:1",
        "-listen=0",
        "-port=1",
        "-bind=0.0.0.0",
        "-whitebind=0.0.0.0",
        "-networkactive=0",
        "-connect=10.0.0.1",
        "-addnode=10.0.0.1",
        "-seednode=x",
        "-dnsseed=1",
        "-fixedseeds",
        "-natpmp",
        "-listenonion=1",
        "-uacomment=me",
        "-txindex=0",
        "-prune=550",
        "-printtoconsole=0",
        "-maxconnections=8",
        "-maxconnections",
    ] {
        assert!(refusal(argument).is_some(), "{argument}");
    }
}

#[test]
fn one_option_is_one_option_however_it_is_written() {
    for argument in [
        "-listen=0",
        "--listen=0",
        "-nolisten",
        "--nolisten=1",
        "-nolisten=0",
        "-listen",
    ] {
        assert!(
            refusal(argument).is_some_and(|why| why.starts_with("`-listen` ")),
            "{argument}"
        );
    }
    assert!(refusal("-noconnect").is_some_and(|why| why.starts_with("`-connect` ")));
}

/// Some of these end the reading of arguments, so that the next one would not count.
#[test]
fn what_is_no_option_is_refused() {
    for argument in [
        "",
        "-",
        "--",
        "-=1",
        "--=",
        "listen",
        "---debug",
        "-debug net",
        "-Debug",
        "-regtest.port=1",
        "-no",
        "-debug=net\n-listen=0",
        "-$(HOME)",
    ] {
        assert!(refusal(argument).is_some(), "{argument:?}");
    }
}

#[test]
fn values_are_not_repeated() {
    for argument in [
        "-rpcpassword=correct-horse",
        "--rpcpassword=correct-horse",
        "rpcpassword=correct-horse",
    ] {
        assert!(
            refusal(argument).is_some_and(|why| !why.contains("horse")),
            "{argument}"
        );
    }
}
