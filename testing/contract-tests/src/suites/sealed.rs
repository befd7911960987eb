//! The cases of what is sealed by name.

/// Cases of what the service seals in any store.
#[macro_export]
macro_rules! resealing_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            resealing,
            everything_is_sealed_anew_and_the_old_key_can_go,
            what_no_key_opens_is_counted_and_left,
            refreshes_go_on_while_everything_is_sealed_anew,
            what_is_used_is_sealed_anew_as_it_goes,
            a_key_that_was_moved_to_another_session_does_not_open,
            a_record_that_was_moved_to_another_name_does_not_open,
            a_factor_that_was_moved_to_another_user_does_not_open,
            values_that_were_moved_to_another_mail_do_not_open,
        );
    };
}

/// Cases of what lies in the raw database. `$open` gives a [`Legible`](crate::Legible) backend.
#[macro_export]
macro_rules! at_rest_tests {
    ($open:ident) => {
        $crate::cases!($open, at_rest, a_raw_database_holds_no_secret,);
    };
}
