/* FILE of ldap:FILE: what is taken, and the sentence for what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ldap.h>
#include <string.h>

#include "ldap/settings.h"

#define BASIC "uris = ldap://a.example\nbase = dc=example\n"

static const struct {
	const char *name, *text, *sentence;
} mistakes[] = {
	{ "no server", "base = x\n", "/f: uris: found" },
	{ "another scheme", "uris = ldapi:///x\nbase = x\n", "ldap://HOST" },
	{ "a port that is none", "uris = ldap://a:0\nbase = x\n", "ldap://HOST" },
	{ "a path", "uris = ldap://a/dc=x\nbase = x\n", "ldap://HOST" },
	{ "no base", "uris = ldap://a\n", "/f: base: found" },
	{ "a base with a variable", "uris = ldap://a\nbase = dc=%d\n",
		"without variables" },
	{ "a scope", BASIC "scope = all\n", "subtree, onelevel or base" },
	{ "yes or no", BASIC "tls = demand\n", "yes or no" },
	{ "a name without a password", BASIC "dn = cn=x\n", "dn and dnpass" },
	{ "version 2", BASIC "ldap_version = 2\n", "expected 3" },
	{ "a filter", BASIC "pass_filter = uid=%u\n", "/f: pass_filter: found" },
	{ "a template in attributes", BASIC "pass_attrs = =password=%{x}\n",
		"attribute=field" },
	{ "unknown", BASIC "sasl_bind = yes\n", "/f:3: found \"sasl_bind\"" },
};

static void
mistakes_have_sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct ldap_settings settings;
		struct arena arena;
		struct error error;
		arena_init(&arena, 0);
		if (ldap_settings_read(span_from(mistakes[i].text), "/f",
			&arena, &settings, &error) == 0 ||
			strstr(error.text, mistakes[i].sentence) == NULL)
			fail_msg("%s: %s", mistakes[i].name, error.text);
		arena_fini(&arena);
	}
}

static void
lines_of_dovecot_are_taken(void **state)
{
	struct ldap_settings settings;
	struct arena arena;
	struct error error;
	(void)state;
	arena_init(&arena, 0);
	assert_int_equal(ldap_settings_read(SPAN("uris = ldap://a:1389 "
		"ldaps://[2001:db8::1] ldap://192.0.2.1/\n"
		"dn = cn=x\ndnpass = y\nbase = dc=example,dc=com\n"
		"scope = onelevel\nldap_version = 3\nderef = never\n"
		"pass_attrs = uid=user, userPassword=password,\n"
		"  quotaBytes=userdb_quota_rule\n"
		"default_pass_scheme = SSHA\n"), "/f", &arena, &settings,
		&error), 0);
	assert_int_equal(settings.server_count, 3);
	assert_string_equal(settings.server[0].uri, "ldap://a");
	assert_int_equal(settings.server[0].port, 1389);
	assert_true(settings.server[1].is_ldaps);
	assert_int_equal(settings.server[1].port, 636);
	assert_true(span_equals(settings.server[1].host, SPAN("2001:db8::1")));
	assert_true(span_equals(settings.server[2].host, SPAN("192.0.2.1")));
	assert_int_equal(settings.scope, LDAP_SCOPE_ONELEVEL);
	assert_int_equal(settings.pass.count, 2);
	assert_string_equal(settings.pass.name[0], "userPassword");
	assert_int_equal(settings.pass.field[1], LDAP_FIELD_QUOTA);
	/* Not everything: RFC 4511 4.5.1.8. */
	assert_string_equal(settings.user.name[0], "1.1");
	assert_true(span_equals(settings.scheme, SPAN("{SSHA}")));
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_have_sentences),
		cmocka_unit_test(lines_of_dovecot_are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
