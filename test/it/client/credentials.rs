//! Tokens that are renewed while they are used.

use std::time::Duration;

use bitcoin_controller::client::credentials::{Credentials, TOKEN_FILE_PERIOD};

use super::TemporaryDirectory;

async fn said(credentials: &Credentials) -> String {
    let value = credentials.authorization().await.unwrap().unwrap();
    assert!(value.is_sensitive());
    value.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_name_and_a_password_are_basic() {
    assert_eq!(
        said(&Credentials::basic("alice", "a:b")).await,
        "Basic YWxpY2U6YTpi"
    );
    assert!(
        Credentials::default()
            .authorization()
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn c119_a_token_file_is_read_again_when_the_token_is_old() {
    let directory = TemporaryDirectory::new();
    let path = directory.path().join("token");
    std::fs::write(&path, " one\n").unwrap();
    let credentials = Credentials::token_file(&path, None).unwrap();
    std::fs::write(&path, "two").unwrap();
    tokio::time::advance(TOKEN_FILE_PERIOD - Duration::from_millis(1)).await;
    assert_eq!(said(&credentials).await, "Bearer one");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(said(&credentials).await, "Bearer two");
}

#[tokio::test(start_paused = true)]
async fn c119_the_last_token_stays_in_use_while_the_file_cannot_be_read() {
    let directory = TemporaryDirectory::new();
    let path = directory.path().join("token");
    std::fs::write(&path, "one").unwrap();
    let credentials = Credentials::token_file(&path, None).unwrap();
    std::fs::remove_file(&path).unwrap();
    tokio::time::advance(TOKEN_FILE_PERIOD).await;
    assert_eq!(said(&credentials).await, "Bearer one");
    std::fs::write(&path, "\n").unwrap();
    assert_eq!(said(&credentials).await, "Bearer one");
    // No need to wait for another period once it can be read.
    std::fs::write(&path, "two").unwrap();
    assert_eq!(said(&credentials).await, "Bearer two");
}

#[tokio::test]
async fn c119_the_file_takes_over_from_an_initial_token_as_soon_as_it_can_be_read() {
    let directory = TemporaryDirectory::new();
    let path = directory.path().join("token");
    let credentials = Credentials::token_file(&path, Some("initial".to_owned())).unwrap();
    assert_eq!(said(&credentials).await, "Bearer initial");
    std::fs::write(&path, "one").unwrap();
    assert_eq!(said(&credentials).await, "Bearer one");
}

#[test]
fn c119_a_token_file_that_is_missing_or_empty_at_the_start_is_an_error() {
    let directory = TemporaryDirectory::new();
    let path = directory.path().join("token");
    assert!(Credentials::token_file(&path, None).is_err());
    std::fs::write(&path, " \n").unwrap();
    assert!(Credentials::token_file(&path, None).is_err());
}

#[tokio::test]
async fn a_token_no_header_can_hold_is_an_error_that_does_not_show_it() {
    let error = Credentials::token("hunter2\nx")
        .authorization()
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}
