//! Who is asked on a scrape.

use bitcoin_controller::metrics::{Kind, Page, Registry};

fn one(name: &'static str) -> impl Fn(&mut Page) {
    move |page| {
        page.family(name, Kind::Gauge, "One.").sample(&[], 1_u64);
    }
}

fn text(name: &str) -> String {
    format!("# HELP {name} One.\n# TYPE {name} gauge\n{name} 1\n")
}

#[test]
fn collectors_write_in_order_and_late_ones_from_then_on() {
    let registry = Registry::default();
    assert_eq!(registry.text(), "");
    registry.register(one("b"));
    assert_eq!(registry.text(), text("b"));
    registry.clone().register(one("a"));
    assert_eq!(registry.text(), text("b") + &text("a"));
}

#[test]
fn a_collector_may_register_another_while_it_writes() {
    let registry = Registry::default();
    let inner = registry.clone();
    registry.register(move |_| inner.register(one("late")));
    assert_eq!(registry.text(), "");
    assert_eq!(registry.text(), text("late"));
}
