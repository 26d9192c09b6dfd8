/* System users among the accounts, with a machine that is made up. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "proto/account_id.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PASSWORD "linuxprobe"

/* ---- the machine ---- */

static const struct machine_user {
	uint32_t uid;
	const char *name;
} users[] = { { 0, "root" }, { 2, "bin" }, { 1000, "boss" },
	{ 1001, "carol" }, { 3000, "guest" }, { 65534, "nobody" } };

static struct {
	bool is_away, is_barred;
	unsigned found, checked;
	char remote[64], service[16];
} machine;

static enum system_verdict
find(struct span name, uint32_t uid, struct system_user *user,
	struct error *error)
{
	machine.found++;
	if (machine.is_away) {
		error_set(error, ERROR_LATER, "pam is away");
		return SYSTEM_LATER;
	}
	for (size_t i = 0; i < COUNT(users); i++) {
		if (name.data != NULL ? !span_equals(name,
			span_from(users[i].name)) : users[i].uid != uid)
			continue;
		*user = (struct system_user){ .uid = users[i].uid };
		snprintf(user->name, sizeof(user->name), "%s", users[i].name);
		return SYSTEM_YES;
	}
	return SYSTEM_NO;
}

static enum system_verdict
check(const struct system_password *password, struct error *error)
{
	machine.checked++;
	snprintf(machine.remote, sizeof(machine.remote), "%s",
		password->remote);
	snprintf(machine.service, sizeof(machine.service), "%s",
		password->service);
	if (machine.is_away) {
		error_set(error, ERROR_LATER, "pam is away");
		return SYSTEM_LATER;
	}
	if (!span_equals(password->password, SPAN(PASSWORD)))
		return SYSTEM_NO;
	return machine.is_barred ? SYSTEM_BARRED : SYSTEM_YES;
}

static const struct system_calls calls = { find, check };

static void
make(const char *sources)
{
	static struct accounts_options options;
	memset(&machine, 0, sizeof(machine));
	world_make();
	options = (struct accounts_options){
		.mydestination = "mail.linuxprobe.com, linuxprobe.com",
		.myorigin = "linuxprobe.com", .delimiters = "+",
		.quota = 1000, .first_uid = 1000, .last_uid = 2000 };
	accounts_configure(auth.accounts, &options);
	accounts_set_system(auth.accounts, &calls);
	accounts_set_sources(auth.accounts, sources, NULL, NULL);
	auth.system = &calls;
}

/* ---- mail ---- */

enum { NOBODY = -1, LATER = -2, BUILTIN = -3, ELSEWHERE = -4 };

static int64_t
who_of(uint64_t account)
{
	return account_id_is_system(account) ?
		(int64_t)account_id_uid(account) : BUILTIN;
}

static int64_t
expand(const char *address, bool *is_brief)
{
	struct accounts_expansion expansion;
	struct arena arena;
	struct error error;
	int64_t result = NOBODY;
	arena_init(&arena, 0);
	switch (accounts_expand(auth.accounts, span_from(address), &arena,
		&expansion, &error)) {
	case ACCOUNTS_FOUND:
		assert_int_equal(expansion.count, 1);
		assert_true(expansion.target[0].quota == 1000);
		result = who_of(expansion.target[0].account);
		break;
	case ACCOUNTS_NOT_FOUND:
		break;
	case ACCOUNTS_REMOTE:
		result = ELSEWHERE;
		break;
	case ACCOUNTS_TROUBLE:
		result = LATER;
		break;
	}
	*is_brief = expansion.is_brief;
	arena_fini(&arena);
	return result;
}

static const struct {
	const char *address;
	int64_t who;
	bool is_asked;
} addresses[] = {
	{ "boss@linuxprobe.com", 1000, true },
	{ "boss@mail.linuxprobe.com", 1000, true },
	{ "Boss@LinuxProbe.com", 1000, true },
	{ "boss+news@linuxprobe.com", 1000, true },
	{ "root@linuxprobe.com", 0, true },
	{ "postmaster@linuxprobe.com", 0, true },
	{ "Postmaster", 0, true },
	{ "alice@linuxprobe.com", BUILTIN, false },
	{ "carol@linuxprobe.com", BUILTIN, false },
	{ "bin@linuxprobe.com", NOBODY, true },
	{ "guest@linuxprobe.com", NOBODY, true },
	{ "nobody@linuxprobe.com", NOBODY, true },
	{ "dave@linuxprobe.com", NOBODY, true },
	{ "boss@example.test", NOBODY, false },
	{ "boss@example.net", ELSEWHERE, false },
	/* names that are none are asked of nobody */
	{ "../root@linuxprobe.com", NOBODY, false },
	{ "a/b@linuxprobe.com", NOBODY, false },
	{ "%n%n@linuxprobe.com", NOBODY, false },
	{ "'--@linuxprobe.com", NOBODY, false },
	{ "*@linuxprobe.com", NOBODY, false },
	{ "-f@linuxprobe.com", NOBODY, false },
	{ "\"boss;id\"@linuxprobe.com", NOBODY, false },
	{ "\"(uid=*)\"@linuxprobe.com", NOBODY, false },
	{ "\"boss\\\\\"@linuxprobe.com", NOBODY, false },
	{ "$(id)@linuxprobe.com", NOBODY, false },
	{ "`id`@linuxprobe.com", NOBODY, false },
	{ "boss|id@linuxprobe.com", NOBODY, false },
};

static void
mail_goes_to_users_of_the_machine(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		bool is_brief;
		make("builtin system");
		world_add("alice@linuxprobe.com", PASSWORD);
		world_add("carol@linuxprobe.com", PASSWORD);
		world_add("eve@example.test", PASSWORD);
		print_message("%s\n", addresses[i].address);
		assert_int_equal(expand(addresses[i].address, &is_brief),
			addresses[i].who);
		assert_int_equal(machine.found > 0, addresses[i].is_asked);
		if (addresses[i].is_asked)
			assert_true(is_brief);
		world_free();
	}
}

/* Nothing is said about who could not be asked for; the others go on. */
static void
an_outage_is_no_unknown_user(void **state)
{
	bool is_brief;
	(void)state;
	make("builtin system");
	world_add("alice@linuxprobe.com", PASSWORD);
	machine.is_away = true;
	assert_int_equal(expand("boss@linuxprobe.com", &is_brief), LATER);
	assert_int_equal(expand("dave@linuxprobe.com", &is_brief), LATER);
	assert_int_equal(expand("alice@linuxprobe.com", &is_brief), BUILTIN);
	machine.is_away = false;
	assert_int_equal(expand("dave@linuxprobe.com", &is_brief), NOBODY);
	assert_int_equal(expand("boss@linuxprobe.com", &is_brief), 1000);
	machine.is_away = true;
	/* who was there a moment ago is still */
	assert_int_equal(expand("boss@linuxprobe.com", &is_brief), 1000);
	assert_int_equal(expand("dave@linuxprobe.com", &is_brief), LATER);
	world_free();
}

static void
the_first_source_that_knows_a_name_decides(void **state)
{
	static const struct {
		const char *sources;
		int64_t carol, alice;
	} lists[] = {
		{ "builtin system", BUILTIN, BUILTIN },
		{ "system builtin", 1001, BUILTIN },
		{ "system", 1001, NOBODY },
		{ "builtin", BUILTIN, BUILTIN },
	};
	bool is_brief;
	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		make(lists[i].sources);
		world_add("carol@linuxprobe.com", PASSWORD);
		world_add("alice@linuxprobe.com", PASSWORD);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(expand("carol@linuxprobe.com",
				&is_brief), lists[i].carol);
			assert_int_equal(expand("alice@linuxprobe.com",
				&is_brief), lists[i].alice);
		}
		world_free();
	}
}

static void
a_user_over_his_quota_is_known(void **state)
{
	struct account account;
	struct error error;
	(void)state;
	make("builtin system");
	assert_int_equal(accounts_set_over(auth.accounts,
		account_id_of_uid(1000), true, &error), 0);
	assert_int_equal(accounts_find_uid(auth.accounts, 1000, &account,
		&error), ACCOUNTS_FOUND);
	assert_true(account.is_over && account.quota == 1000);
	accounts_set_over(auth.accounts, account_id_of_uid(1000), false,
		&error);
	assert_int_equal(accounts_find_uid(auth.accounts, 1000, &account,
		&error), ACCOUNTS_FOUND);
	assert_false(account.is_over);
	world_free();
}

/* ---- logins ---- */

static struct exchange_result
log_in(const char *mechanism, struct span response, uint32_t uid)
{
	const struct exchange_key key = { "login", 0, 1 };
	struct arena arena;
	struct exchange_result result;
	struct proxy2 facts = { .is_tls = true };
	assert_true(network_address_parse(SPAN("192.0.2.1"), &facts.client));
	if (uid != NETWORK_NO_UID)
		facts.client = (struct network_address){ .family = AF_UNIX,
			.uid = uid };
	arena_init(&arena, 0);
	exchange_begin(&key, &(struct exchange_start){
		.mechanism = span_from(mechanism), .service = SPAN("imap"),
		.facts = facts, .has_response = true,
		.response = response }, &arena, &result);
	arena_fini(&arena);
	return result;
}

static const struct {
	const char *name;
	struct span response;
	bool is_away, is_barred;
	int64_t who;
	const char *code;
	bool is_asked;			/* pam, about the password */
} logins[] = {
	{ "by name", SPAN("\0boss\0" PASSWORD), false, false, 1000, NULL,
		true },
	{ "by address", SPAN("\0boss@linuxprobe.com\0" PASSWORD), false, false,
		1000, NULL, true },
	{ "by the host's address", SPAN("\0boss@mail.linuxprobe.com\0"
		PASSWORD), false, false, 1000, NULL, true },
	{ "wrong", SPAN("\0boss\0wrong"), false, false, NOBODY, "credentials",
		true },
	{ "expired", SPAN("\0boss\0" PASSWORD), false, true, NOBODY, "barred",
		true },
	{ "expired and wrong", SPAN("\0boss\0wrong"), false, true, NOBODY,
		"credentials", true },
	{ "pam is away", SPAN("\0boss\0" PASSWORD), true, false, LATER,
		"trouble", false },
	{ "a built-in account while it is", SPAN("\0alice\0" PASSWORD), true,
		false, BUILTIN, NULL, false },
	{ "root", SPAN("\0root\0" PASSWORD), false, false, NOBODY,
		"credentials", false },
	{ "a daemon", SPAN("\0bin\0" PASSWORD), false, false, NOBODY,
		"credentials", false },
	{ "nobody", SPAN("\0dave\0" PASSWORD), false, false, NOBODY,
		"credentials", false },
	{ "a name that is none", SPAN("\0../boss\0" PASSWORD), false, false,
		NOBODY, "credentials", false },
	{ "a name that asks", SPAN("\0boss*)(uid=*\0" PASSWORD), false, false,
		NOBODY, "credentials", false },
	{ "a name that runs", SPAN("\0$(id)\0" PASSWORD), false, false, NOBODY,
		"credentials", false },
	{ "as another", SPAN("carol\0boss\0" PASSWORD), false, false, NOBODY,
		"authorization", true },
};

static void
passwords_are_the_machines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(logins); i++) {
		make("builtin system");
		world_add("alice@linuxprobe.com", PASSWORD);
		machine.is_away = logins[i].is_away;
		machine.is_barred = logins[i].is_barred;
		print_message("%s\n", logins[i].name);
		struct exchange_result result = log_in("PLAIN",
			logins[i].response, NETWORK_NO_UID);
		int64_t who = result.is_temporary ? LATER : NOBODY;
		if (result.outcome == EXCHANGE_OK)
			who = who_of(result.account.id);
		assert_int_equal(who, logins[i].who);
		if (logins[i].code != NULL)
			assert_string_equal(result.code, logins[i].code);
		assert_int_equal(machine.checked > 0, logins[i].is_asked);
		if (who >= 0)
			assert_string_equal(result.account.address,
				"boss@linuxprobe.com");
		if (logins[i].is_asked) {
			assert_string_equal(machine.remote, "192.0.2.1");
			assert_string_equal(machine.service, "imap");
		}
		world_free();
	}
}

/* A password that was changed or locked counts at once. */
static void
what_the_machine_said_is_not_remembered(void **state)
{
	(void)state;
	make("builtin system");
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(log_in("PLAIN", SPAN("\0boss\0" PASSWORD),
			NETWORK_NO_UID).outcome, EXCHANGE_OK);
		assert_int_equal(machine.checked, i);
	}
	assert_false(accounts_have_keys(auth.accounts));
	world_free();
}

static const struct {
	uint32_t uid;
	const char *as;
	int64_t who;
} externals[] = {
	{ 1000, "", 1000 },
	{ 1000, "boss", 1000 },
	{ 1000, "boss@mail.linuxprobe.com", 1000 },
	{ 1000, "carol", NOBODY },
	{ 1000, "alice", NOBODY },
	{ 1000, "root", NOBODY },
	{ 2, "", NOBODY },
	{ 4711, "", NOBODY },
	{ 0, "", 0 },
	{ 0, "root", 0 },
	{ 0, "boss", 1000 },
	{ 0, "alice", BUILTIN },
	{ 0, "bin", NOBODY },
};

static void
a_uid_is_its_own_user(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(externals); i++) {
		make("builtin system");
		world_add("alice@linuxprobe.com", PASSWORD);
		print_message("%u as \"%s\"\n", externals[i].uid,
			externals[i].as);
		struct exchange_result result = log_in("EXTERNAL",
			span_from(externals[i].as), externals[i].uid);
		assert_int_equal(result.outcome == EXCHANGE_OK ?
			who_of(result.account.id) : NOBODY, externals[i].who);
		assert_int_equal(machine.checked, 0);
		world_free();
	}
	make("builtin system");
	machine.is_away = true;
	assert_true(log_in("EXTERNAL", SPAN(""), 1000).is_temporary);
	world_free();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_goes_to_users_of_the_machine),
		cmocka_unit_test(an_outage_is_no_unknown_user),
		cmocka_unit_test(the_first_source_that_knows_a_name_decides),
		cmocka_unit_test(a_user_over_his_quota_is_known),
		cmocka_unit_test(passwords_are_the_machines),
		cmocka_unit_test(what_the_machine_said_is_not_remembered),
		cmocka_unit_test(a_uid_is_its_own_user),
	};
	counter_open(-1, -1, true);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
