//! The cases by name: a macro for each trait, and one for all.

mod factors;
mod sealed;
mod sessions;
mod users;

/// Expands to every case, each as one `#[tokio::test]`, named after the case. `$open` is an async
/// function that gives an empty [`Backend`](crate::Backend).
#[macro_export]
macro_rules! all {
    ($open:ident) => {
        $crate::user_tests!($open);
        $crate::session_tests!($open);
        $crate::pending_sign_in_tests!($open);
        $crate::trusted_device_tests!($open);
        $crate::code_tests!($open);
        $crate::revocation_tests!($open);
        $crate::outbox_tests!($open);
        $crate::mail_tests!($open);
        $crate::record_tests!($open);
        $crate::resealing_tests!($open);
        $crate::value_tests!($open);
        $crate::limit_tests!($open);
        $crate::limit_in_time_tests!($open);
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

/// Cases of a `OneTimeCodeStore`.
#[macro_export]
macro_rules! code_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            codes,
            a_code_is_found_whole_until_it_expires,
            a_code_of_another_kind_or_user_is_not_found,
            a_new_code_replaces_the_old_one,
            a_code_that_is_too_young_stays,
            a_code_made_at_the_boundary_is_replaced,
            a_cool_down_is_for_one_kind_of_one_user,
            one_of_many_callers_puts_a_code,
            a_code_of_nobody_is_kept,
            notices_are_there_exactly_if_the_code_is,
            a_sweep_takes_codes_that_have_expired,
        );
        $crate::cases!(
            $open,
            codes_tries,
            a_try_is_counted_and_gives_the_record,
            after_the_last_try_a_short_code_is_dead_for_ever,
            many_callers_share_the_tries_of_a_code,
            an_expired_short_code_cannot_be_tried,
            an_unknown_challenge_cannot_be_tried,
            tries_of_an_old_code_do_not_count_for_its_successor,
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
            sessions_are_swept_by_a_moment_of_their_own,
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
            an_event_of_the_deployment_is_of_no_user,
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

/// Cases of a `MailOutboxStore`.
#[macro_export]
macro_rules! mail_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            mails,
            mails_are_there_exactly_if_the_change_is,
            a_new_mail_reads_back_whole,
            mails_are_listed_by_id_page_after_page,
            a_deleted_mail_is_gone_and_may_be_deleted_again,
            what_became_of_a_mail_is_kept,
            a_replacement_over_another_due_time_is_stale,
            one_of_many_callers_replaces_a_mail,
            errors_of_any_script_read_back,
            a_mail_to_nobody_is_kept,
            mails_of_a_user_are_deleted_a_few_at_a_time,
        );
        $crate::cases!(
            $open,
            mails_reseal,
            replaced_values_are_all_that_changes,
            values_that_changed_meanwhile_stay,
            values_of_a_claimed_mail_are_replaced,
            one_of_many_callers_replaces_the_values_of_a_mail,
        );
        $crate::cases!(
            $open,
            mails_claim,
            only_mails_that_are_due_are_claimed,
            the_longest_due_are_claimed_first,
            a_mail_is_given_again_when_its_lease_has_run_out,
            a_claimed_mail_is_whole,
            dead_and_expired_mails_are_claimed_too,
            a_lost_lease_changes_nothing,
            no_two_senders_get_the_same_mail,
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
            events_are_there_exactly_if_the_record_changes,
            records_are_listed_by_name_page_after_page,
        );
    };
}

/// Cases of a `Limiter`, whatever clock it goes by. `$open` gives whatever
/// [`has a limiter`](crate::HasLimiter).
#[macro_export]
macro_rules! limit_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            limits,
            as_many_draws_succeed_as_the_quota_says,
            everybody_draws_on_their_own_quota,
            what_was_given_back_can_be_drawn_again,
            a_quota_never_grows_beyond_what_it_is,
            many_callers_share_a_quota,
            of_many_callers_at_once_exactly_one_is_first,
        );
    };
}

/// Cases of a `Limiter` that goes by the moment of each draw.
#[macro_export]
macro_rules! limit_in_time_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            limits_in_time,
            a_quota_comes_back_step_by_step,
            a_refused_draw_counts_nothing,
            a_quota_is_whole_again_after_its_period,
            a_changed_quota_holds_from_the_next_draw,
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
            codes_at_the_edges_read_back,
            mails_with_nothing_and_with_everything_read_back,
        );
    };
}

#[cfg(test)]
mod tests {
    /// A case that is written and not run would be worse than none.
    #[test]
    fn every_case_is_in_its_suite() {
        let suites = concat!(
            include_str!("suites.rs"),
            include_str!("suites/factors.rs"),
            include_str!("suites/sealed.rs"),
            include_str!("suites/sessions.rs"),
            include_str!("suites/users.rs")
        );
        let suites: String = suites.split_whitespace().collect();
        let modules = [
            ("at_rest", include_str!("at_rest.rs")),
            ("codes", include_str!("codes.rs")),
            ("codes_tries", include_str!("codes_tries.rs")),
            ("limits", include_str!("limits.rs")),
            ("limits_in_time", include_str!("limits_in_time.rs")),
            ("mails", include_str!("mails.rs")),
            ("mails_claim", include_str!("mails_claim.rs")),
            ("mails_reseal", include_str!("mails_reseal.rs")),
            ("outbox", include_str!("outbox.rs")),
            ("outbox_leases", include_str!("outbox_leases.rs")),
            ("pending_sign_ins", include_str!("pending_sign_ins.rs")),
            ("pending_sign_ins_tries", include_str!("pending_sign_ins_tries.rs")),
            ("records", include_str!("records.rs")),
            ("resealing", include_str!("resealing.rs")),
            ("revocations", include_str!("revocations.rs")),
            ("sessions", include_str!("sessions.rs")),
            ("sessions_authenticate", include_str!("sessions_authenticate.rs")),
            ("sessions_devices", include_str!("sessions_devices.rs")),
            ("sessions_end", include_str!("sessions_end.rs")),
            ("sessions_list", include_str!("sessions_list.rs")),
            ("sessions_reseal", include_str!("sessions_reseal.rs")),
            ("sessions_rotate", include_str!("sessions_rotate.rs")),
            ("sessions_trust", include_str!("sessions_trust.rs")),
            ("trusted_devices", include_str!("trusted_devices.rs")),
            ("trusted_devices_use", include_str!("trusted_devices_use.rs")),
            ("users", include_str!("users.rs")),
            ("users_change", include_str!("users_change.rs")),
            ("users_erase", include_str!("users_erase.rs")),
            ("users_factor", include_str!("users_factor.rs")),
            ("users_insert_taken", include_str!("users_insert_taken.rs")),
            ("users_list", include_str!("users_list.rs")),
            ("users_remains", include_str!("users_remains.rs")),
            ("users_replace", include_str!("users_replace.rs")),
            ("users_replace_codes", include_str!("users_replace_codes.rs")),
            ("users_replace_sessions", include_str!("users_replace_sessions.rs")),
            ("values", include_str!("values.rs")),
        ];
        for (module, source) in modules {
            let listed = suites.split(&format!("$open,{module},")).nth(1).unwrap_or_default();
            let listed = format!(",{}", listed.split(");").next().unwrap_or_default());
            let cases = source.split("\npub async fn ").skip(1);
            for name in cases.filter_map(|rest| rest.split('(').next()) {
                assert!(listed.contains(&format!(",{name},")), "{module}::{name}");
            }
        }
    }
}
