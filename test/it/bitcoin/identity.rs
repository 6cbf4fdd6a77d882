//! Mirrors `src/bitcoin/identity.rs`.

use bitcoin_controller::bitcoin::Identity;

fn read(subver: &str) -> Option<String> {
    Identity::from_subver(subver).map(|identity| identity.to_string())
}

#[test]
fn the_comment_is_found_wherever_it_stands() {
    let ours = Some("1f2e3d4c.n-0".to_owned());
    assert_eq!(read("/Satoshi:29.4.3(1f2e3d4c.n-0)/Knots:20260508/"), ours);
    assert_eq!(read("/Satoshi:31.0.0(1f2e3d4c.n-0)/"), ours);
    assert_eq!(read("/Satoshi:31.0.0(my laptop; 1f2e3d4c.n-0; x)/"), ours);
    assert_eq!(
        read("/Satoshi:31.0.0(my laptop)/Other:1(1f2e3d4c.n-0)/"),
        ours
    );
    assert_eq!(read("/Satoshi:31.0.0(1f2e3d4c.n-0; 00000000.n-1)/"), ours);
}

#[test]
fn what_is_not_of_our_kind_is_nobody() {
    let too_long = format!("/S:1(1f2e3d4c.{})/", "n".repeat(64));
    let others = [
        "",
        "/Satoshi:31.0.0/",
        "/1f2e3d4c.n-0/",
        "/S:1(1f2e3d4c.n-0",
        "/S:1(1f2e3d4.n-0)/",
        "/S:1(1f2e3d4cc.n-0)/",
        "/S:1(1F2E3D4C.n-0)/",
        "/S:1(1f2e3d4g.n-0)/",
        "/S:1(1f2e3d4c)/",
        "/S:1(1f2e3d4c.)/",
        "/S:1(1f2e3d4c.n_0)/",
        "/S:1(1f2e3d4c.n.0)/",
        "/S:1(1f2e3d4c.n 0)/",
        "/S:1(1f2e3d4c.n-0,x)/",
        "/S:1(1f2e3d4c.n-ü)/",
        "/S:1( 1f2e3d4c.n-0)/",
        too_long.as_str(),
    ];
    for subver in others {
        assert_eq!(read(subver), None, "{subver}");
    }
}
