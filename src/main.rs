//! The program: flags, run, exit code.

fn main() {
    let crd = bitcoin_controller::api::crd::custom_resource_definition();
    if let Ok(text) = bitcoin_controller::base::yaml::to_string(&crd) {
        println!("{text}");
    }
}
