//! Mirrors `src/sim/bitcoind` and `src/sim/process.rs`: the pretend node and a real one are held to
//! the same assertions. What only the pretend one can show (faults, exact times) comes last.

use crate::support::nodes::{on_pretend_nodes, on_real_nodes};

/// Each scenario becomes two tests: `NAME::pretend` and `NAME::real`.
macro_rules! on_both {
    ($from:ident: $($name:ident),* $(,)?) => {$(
        mod $name {
            #[test]
            fn pretend() {
                super::on_pretend_nodes(crate::sim::$from::$name);
            }

            #[test]
            fn real() {
                super::on_real_nodes(crate::sim::$from::$name);
            }
        }
    )*};
}

on_both!(
    rpc_scenarios:
    the_dialects_differ_in_codes_and_keys,
    malformed_requests_are_told_apart,
    arguments_are_checked,
    credentials_are_asked_for_rpc_and_not_for_rest,
    a_password_is_checked_against_its_salted_hash,
);

on_both!(
    scenarios:
    a_fresh_node_is_at_genesis,
    mined_blocks_are_counted_and_described,
    a_longer_chain_replaces_a_shorter_one_over_any_link,
    equally_long_chains_stay_apart_until_the_next_block,
    a_link_dialled_from_both_sides_is_two,
    dialling_again_or_oneself_changes_nothing,
    the_comment_says_who_a_peer_is,
    a_link_is_cut_by_the_string_that_made_it,
    the_added_list_compares_strings,
    an_added_node_is_dialled,
    a_node_with_its_network_off_has_no_links,
    inbound_slots_are_what_eleven_leave,
    an_invalid_block_takes_its_branch_along,
    the_same_block_twice_is_refused,
    a_clean_stop_keeps_the_chain,
    a_kill_keeps_what_was_flushed,
    rpc_stop_ends_the_node,
    an_unknown_option_is_fatal,
    a_bad_comment_is_fatal,
    a_blocks_bytes_are_real,
);

on_both!(
    wallet_scenarios:
    a_wallet_is_there_once_it_was_made_or_loaded,
    the_path_says_which_wallet_is_meant,
    the_keys_are_the_same_on_both_sides,
    money_from_before_the_wallet_is_found,
    a_wallet_is_loaded_again_at_the_start,
    a_node_without_wallets_says_so,
);

on_both!(
    catching_up:
    two_empty_nodes_that_were_linked_first_ask_nobody_else,
    a_new_block_is_told_to_everybody,
    nodes_that_join_catch_up_without_a_detour,
    nodes_that_are_stuck_are_freed,
);

on_both!(
    reshaping:
    a_running_network_takes_any_shape,
    a_running_network_is_split_and_healed,
);

on_both!(
    mining_scenarios:
    a_template_describes_the_next_block,
    a_template_is_asked_for_with_the_segwit_rule,
    our_blocks_are_accepted_however_their_height_is_pushed,
    a_block_of_ours_goes_to_the_peers,
    the_same_block_again_is_a_duplicate_in_the_chain,
    a_lost_race_is_inconclusive_and_may_be_won_later,
    a_coinbase_may_pay_nothing,
    what_is_wrong_with_a_block_is_said,
    what_is_wrong_with_a_header_is_said,
    an_invalid_block_is_remembered,
);
