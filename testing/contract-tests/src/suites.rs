//! The cases by name: a macro for each trait, and one for all.

/// Expands to every case, each as one `#[tokio::test]`, named after the case. `$open` is an async
/// function that gives an empty [`Backend`](crate::Backend).
#[macro_export]
macro_rules! all {
    ($open:ident) => {
        $crate::user_tests!($open);
        $crate::session_tests!($open);
        $crate::revocation_tests!($open);
        $crate::outbox_tests!($open);
        $crate::record_tests!($open);
        $crate::value_tests!($open);
    };
}

/// Expands to a module of tests.
#[doc(hidden)]
#[macro_export]
macro_rules! cases {
    ($open:ident, $module:ident, $($case:ident),+ $(,)?) => {
        mod $module {
            $(
                // More threads than this machine may have cores: callers must really race.
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    $crate::$module::$case(&super::$open().await).await;
                }
            )+
        }
    };
}

/// Cases of a `UserStore`.
#[macro_export]
macro_rules! user_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            users,
            an_inserted_user_is_found_by_id_address_and_name,
            an_address_and_a_name_are_found_in_any_case,
            nobody_is_found_in_an_empty_store,
            only_the_whole_address_or_name_finds_a_user,
            a_taken_address_is_refused_and_leaves_nothing,
            a_taken_user_name_is_refused_and_leaves_nothing,
            a_taken_id_never_replaces_a_user,
            an_insert_writes_its_events,
            one_of_many_callers_gets_an_address,
            one_of_many_callers_gets_a_user_name,
            many_callers_with_different_addresses_all_insert,
            users_without_a_user_name_coexist,
            permissions_are_the_union_of_all_roles,
            the_roles_of_a_new_deployment_are_defined,
        );
        $crate::cases!(
            $open,
            users_list,
            a_list_of_nobody_is_empty,
            users_are_listed_by_id_page_after_page,
            a_page_follows_a_key_that_is_no_users,
            a_list_is_stable_while_users_come,
            a_page_counts_users_whatever_roles_they_hold,
            ids_sort_by_their_bytes,
        );
        $crate::cases!(
            $open,
            users_change,
            roles_are_replaced_together,
            all_roles_may_be_taken_away,
            roles_over_another_version_are_stale,
            one_of_many_callers_replaces_the_roles,
            a_change_of_nobody_is_stale,
            a_password_hash_is_replaced_only_over_the_old_one,
            a_user_without_a_password_does_not_get_one,
            one_of_many_callers_replaces_the_password_hash,
            a_raised_epoch_is_kept_with_its_revocation_and_events,
            a_raise_over_another_epoch_is_stale,
            one_of_many_callers_raises_the_epoch,
        );
    };
}

/// Cases of a `SessionStore`.
#[macro_export]
macro_rules! session_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            sessions,
            an_inserted_session_is_found_with_its_account,
            a_session_of_a_user_without_roles_is_found,
            a_sign_in_is_kept_with_the_user_and_told,
            a_session_of_another_epoch_is_refused,
            a_session_of_a_disabled_user_is_refused,
            a_session_of_nobody_is_refused,
            a_taken_id_never_replaces_a_session,
            a_sign_in_that_races_an_epoch_raise_does_not_survive_it,
            many_sign_ins_of_one_user_all_succeed,
            a_session_is_not_found_under_another_user,
        );
        $crate::cases!(
            $open,
            sessions_list,
            a_listed_session_is_whole,
            everyone_has_their_own_sessions,
            only_sessions_that_are_alive_are_listed,
            sessions_of_an_older_epoch_are_not_listed,
            sessions_are_listed_by_id_page_after_page,
        );
        $crate::cases!(
            $open,
            sessions_rotate,
            a_rotation_moves_the_session_on,
            a_rotation_by_an_unnamed_client_is_kept,
            one_of_many_callers_advances_a_generation,
            another_generation_does_not_advance,
            a_session_under_another_user_does_not_advance,
            an_ended_session_does_not_advance,
            a_forgiven_generation_is_remembered,
            forgiveness_is_guarded_by_what_was_read,
            one_of_many_callers_is_forgiven,
            a_rotation_and_a_forgiveness_do_not_mix,
        );
        $crate::cases!(
            $open,
            sessions_end,
            an_end_is_kept_with_its_revocation_and_events,
            every_reason_of_an_end_reads_back,
            a_second_end_writes_nothing,
            a_session_under_another_user_does_not_end,
            one_of_many_callers_ends_a_session,
            an_end_that_races_a_rotation_stands,
            an_expired_session_can_end,
        );
    };
}

/// Cases of a `RevocationStore`.
#[macro_export]
macro_rules! revocation_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            revocations,
            nothing_is_revoked_in_an_empty_store,
            the_newest_revocation_comes_first_and_raises_the_sequence,
            revocations_of_sessions_and_of_users_read_back,
            a_limit_keeps_the_newest_revocations,
            expired_revocations_are_not_listed,
            the_sequence_never_falls,
            revocations_at_one_moment_are_all_listed,
            a_sweep_takes_what_has_expired_and_nothing_else,
            a_sweep_takes_no_more_than_its_limit_of_each_kind,
            sweeps_at_one_moment_share_the_work,
        );
    };
}

/// Cases of an `OutboxStore`.
#[macro_export]
macro_rules! outbox_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            outbox,
            an_event_without_a_change_is_kept,
            no_events_are_no_trouble,
            events_are_there_exactly_if_the_change_is,
            a_deleted_event_is_gone_and_may_be_deleted_again,
            a_leased_event_can_be_deleted,
            events_of_many_writers_are_all_kept,
        );
        $crate::cases!(
            $open,
            outbox_leases,
            the_oldest_events_are_claimed_first,
            an_event_is_given_again_when_its_lease_has_run_out,
            an_old_event_comes_before_newer_ones_after_its_lease,
            no_two_relays_get_the_same_event,
        );
    };
}

/// Cases of a `RecordStore`.
#[macro_export]
macro_rules! record_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            records,
            an_inserted_record_is_found,
            a_record_is_not_inserted_twice,
            one_of_many_callers_inserts_a_record,
            a_replacement_raises_the_version,
            a_replacement_over_another_version_is_stale,
            one_of_many_callers_replaces_a_record,
            a_record_holds_any_bytes,
        );
    };
}

/// Cases of what all stores have to hold.
#[macro_export]
macro_rules! value_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            values,
            users_with_nothing_and_with_everything_read_back,
            names_of_any_script_read_back,
            foreign_user_ids_are_told_apart,
            sessions_with_nothing_and_with_everything_read_back,
            addresses_of_clients_read_back,
            the_last_generation_can_be_reached,
            revocations_at_the_edges_read_back,
            envelopes_are_kept_to_the_byte,
            moments_are_kept_to_the_millisecond,
        );
    };
}

#[cfg(test)]
mod tests {
    /// A case that is written and not run would be worse than none.
    #[test]
    fn every_case_is_in_its_suite() {
        let suites = include_str!("suites.rs");
        let modules = [
            ("users", include_str!("users.rs")),
            ("users_list", include_str!("users_list.rs")),
            ("users_change", include_str!("users_change.rs")),
            ("sessions", include_str!("sessions.rs")),
            ("sessions_list", include_str!("sessions_list.rs")),
            ("sessions_rotate", include_str!("sessions_rotate.rs")),
            ("sessions_end", include_str!("sessions_end.rs")),
            ("revocations", include_str!("revocations.rs")),
            ("outbox", include_str!("outbox.rs")),
            ("outbox_leases", include_str!("outbox_leases.rs")),
            ("records", include_str!("records.rs")),
            ("values", include_str!("values.rs")),
        ];
        for (module, source) in modules {
            let listed = suites.split(&format!(" {module},\n")).nth(1).unwrap_or_default();
            let listed = listed.split(");").next().unwrap_or_default();
            let cases = source.split("\npub async fn ").skip(1);
            for name in cases.filter_map(|rest| rest.split('(').next()) {
                assert!(listed.contains(&format!(" {name},\n")), "{module}::{name}");
            }
        }
    }
}
