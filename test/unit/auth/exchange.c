/* SASL exchanges from the first byte to the verdict. */
#include "world.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/base64.h"
#include "base/log.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PASSWORD "correct horse"

static const struct exchange_key key = { "login", 0, 1 };

static struct proxy2
facts_of(const char *client, bool is_tls)
{
	struct proxy2 facts = { .is_tls = is_tls };
	assert_true(network_address_parse(span_from(client), &facts.client));
	if (is_tls) {
		memset(facts.binding_exporter, 'e',
			sizeof(facts.binding_exporter));
		facts.binding_exporter_size = sizeof(facts.binding_exporter);
		memset(facts.binding_end_point, 'p', 32);
		facts.binding_end_point_size = 32;
	}
	return facts;
}

/* ---- PLAIN ---- */

static const struct {
	const char *name, *mechanism, *client;
	bool is_tls;
	struct span response;
	enum exchange_outcome outcome;
	bool is_temporary, has_delay;
	const char *code;
} plains[] = {
	{ "right", "PLAIN", "192.0.2.1", true,
		SPAN("\0alice@example.test\0" PASSWORD), EXCHANGE_OK,
		false, false, NULL },
	{ "mechanism in small letters, name without domain", "plain",
		"192.0.2.1", true, SPAN("\0ALICE\0" PASSWORD), EXCHANGE_OK,
		false, false, NULL },
	{ "as oneself", "PLAIN", "192.0.2.1", true,
		SPAN("alice\0alice@example.test\0" PASSWORD), EXCHANGE_OK,
		false, false, NULL },
	{ "as another", "PLAIN", "192.0.2.1", true,
		SPAN("bob\0alice@example.test\0" PASSWORD), EXCHANGE_FAIL,
		false, false, "authorization" },
	{ "as nobody", "PLAIN", "192.0.2.1", true,
		SPAN("nobody\0alice@example.test\0" PASSWORD), EXCHANGE_FAIL,
		false, false, "authorization" },
	{ "wrong", "PLAIN", "192.0.2.1", true,
		SPAN("\0alice@example.test\0wrong"), EXCHANGE_FAIL,
		false, true, "credentials" },
	{ "no such user looks the same", "PLAIN", "192.0.2.1", true,
		SPAN("\0nobody@example.test\0wrong"), EXCHANGE_FAIL,
		false, true, "credentials" },
	{ "a tab in the password", "PLAIN", "192.0.2.1", true,
		SPAN("\0alice@example.test\0a\tb"), EXCHANGE_FAIL,
		false, true, "credentials" },
	{ "no such message", "PLAIN", "192.0.2.1", true, SPAN("alice"),
		EXCHANGE_FAIL, false, false, "syntax" },
	{ "in the open", "PLAIN", "192.0.2.1", false,
		SPAN("\0alice@example.test\0" PASSWORD), EXCHANGE_FAIL,
		false, false, "plaintext" },
	{ "LOGIN in the open", "LOGIN", "192.0.2.1", false,
		SPAN("alice@example.test"), EXCHANGE_FAIL, false, false,
		"plaintext" },
	{ "in the open on the loopback", "PLAIN", "127.0.0.1", false,
		SPAN("\0alice@example.test\0" PASSWORD), EXCHANGE_OK,
		false, false, NULL },
	{ "mechanism nobody knows", "GSSAPI", "192.0.2.1", true, SPAN("x"),
		EXCHANGE_FAIL, false, false, "mechanism" },
};

static void
plain_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plains); i++) {
		struct arena arena;
		struct exchange_result result;
		world_make();
		uint64_t alice = world_add("alice@example.test", PASSWORD);
		world_add("bob@example.test", "other");
		arena_init(&arena, 0);
		exchange_begin(&key, &(struct exchange_start){
			.mechanism = span_from(plains[i].mechanism),
			.service = SPAN("imap"),
			.facts = facts_of(plains[i].client, plains[i].is_tls),
			.has_response = true,
			.response = plains[i].response,
		}, &arena, &result);
		if (result.outcome != plains[i].outcome ||
			result.is_temporary != plains[i].is_temporary ||
			(result.delay > 0) != plains[i].has_delay)
			fail_msg("%s", plains[i].name);
		if (plains[i].code != NULL)
			assert_string_equal(result.code, plains[i].code);
		if (result.outcome == EXCHANGE_OK)
			assert_true(result.account.id == alice);
		arena_fini(&arena);
		world_free();
	}
}

static struct exchange_result
try_plain(const char *name, const char *password, const char *client)
{
	struct arena arena;
	struct buffer message;
	struct exchange_result result;
	arena_init(&arena, 0);
	buffer_init(&message, 0);
	buffer_add_byte(&message, '\0');
	buffer_add_string(&message, name);
	buffer_add_byte(&message, '\0');
	buffer_add_string(&message, password);
	exchange_begin(&key, &(struct exchange_start){
		.mechanism = SPAN("PLAIN"), .service = SPAN("imap"),
		.facts = facts_of(client, true), .has_response = true,
		.response = buffer_span(&message) }, &arena, &result);
	result.user = result.challenge = (struct span){ NULL, 0 };
	buffer_fini(&message);
	arena_fini(&arena);
	return result;
}

static void
only_trusted_networks_may_log_in_and_need_no_tls(void **state)
{
	struct arena arena;
	struct exchange_result result;
	(void)state;
	world_make();
	world_add("alice@example.test", PASSWORD);
	world_settings.trusted_networks = "198.51.100.0/24";
	assert_string_equal(try_plain("alice", PASSWORD, "192.0.2.1").code,
		"network");
	assert_int_equal(try_plain("alice", PASSWORD, "127.0.0.1").outcome,
		EXCHANGE_OK);
	arena_init(&arena, 0);
	exchange_begin(&key, &(struct exchange_start){
		.mechanism = SPAN("PLAIN"), .service = SPAN("imap"),
		.facts = facts_of("198.51.100.7", false),
		.has_response = true, .response = SPAN("\0alice\0" PASSWORD) },
		&arena, &result);
	assert_int_equal(result.outcome, EXCHANGE_OK);
	arena_fini(&arena);
	world_free();
}

static void
a_verified_password_is_not_hashed_again_until_it_changes(void **state)
{
	struct error error;
	(void)state;
	world_make();
	world_add("alice@example.test", PASSWORD);
	uint64_t hashes = counter_get(COUNTER_PASSWORD_HASHES);
	for (int i = 0; i < 5; i++)
		assert_int_equal(try_plain("alice", PASSWORD,
			"192.0.2.1").outcome, EXCHANGE_OK);
	assert_true(counter_get(COUNTER_PASSWORD_HASHES) == hashes + 1);
	assert_int_equal(try_plain("alice", "wrong", "192.0.2.1").outcome,
		EXCHANGE_FAIL);
	assert_int_equal(try_plain("alice", "wrong", "192.0.2.1").outcome,
		EXCHANGE_FAIL);
	assert_int_equal(try_plain("nobody", "wrong", "192.0.2.1").outcome,
		EXCHANGE_FAIL);
	assert_true(counter_get(COUNTER_PASSWORD_HASHES) == hashes + 4);
	assert_int_equal(accounts_set_password(auth.accounts, SPAN("alice"),
		SPAN("new"), &error), 0);
	assert_int_equal(try_plain("alice", PASSWORD, "192.0.2.1").outcome,
		EXCHANGE_FAIL);
	assert_int_equal(try_plain("alice", "new", "192.0.2.1").outcome,
		EXCHANGE_OK);
	assert_true(counter_get(COUNTER_PASSWORD_HASHES) == hashes + 6);
	world_free();
}

static void
memory_of_passwords_ends(void **state)
{
	struct account account;
	struct error error;
	struct arena arena;
	struct span name;
	(void)state;
	world_make();
	world_add("alice@example.test", PASSWORD);
	arena_init(&arena, 0);
	accounts_find_login(auth.accounts, SPAN("alice"), &arena, &account,
		&name, &error);
	uint64_t hashes = counter_get(COUNTER_PASSWORD_HASHES);
	static const int64_t times[] = { 0, 3599999, 3600000 };
	for (size_t i = 0; i < COUNT(times); i++)
		assert_int_equal(password_check(auth.passwords, &account, name,
			SPAN(PASSWORD), times[i], INT64_MAX / 2),
			PASSWORD_RIGHT);
	assert_true(counter_get(COUNTER_PASSWORD_HASHES) == hashes + 2);
	arena_fini(&arena);
	world_free();
}

static void
guessing_is_refused_without_looking(void **state)
{
	struct exchange_result result = { 0 };
	(void)state;
	world_make();
	world_add("alice@example.test", PASSWORD);
	for (int i = 0; i < THROTTLE_ACCOUNT_LIMIT; i++)
		result = try_plain("alice", "wrong", "192.0.2.1");
	assert_int_equal(result.delay, 15000);
	uint64_t hashes = counter_get(COUNTER_PASSWORD_HASHES);
	result = try_plain("alice", PASSWORD, "192.0.2.1");
	assert_int_equal(result.outcome, EXCHANGE_FAIL);
	assert_true(result.is_temporary);
	assert_string_equal(result.code, "limit");
	assert_true(counter_get(COUNTER_PASSWORD_HASHES) == hashes);
	for (int i = 0; i < THROTTLE_ACCOUNT_LIMIT; i++)
		try_plain("nobody", "wrong", "192.0.2.9");
	assert_string_equal(try_plain("nobody", "x", "192.0.2.9").code,
		"limit");
	world_free();
}

static void
login_asks_twice(void **state)
{
	struct arena arena;
	struct exchange_result result;
	(void)state;
	world_make();
	world_add("alice@example.test", PASSWORD);
	arena_init(&arena, 0);
	struct exchange_start start = { .mechanism = SPAN("LOGIN"),
		.service = SPAN("smtp"), .facts = facts_of("192.0.2.1", true) };
	exchange_begin(&key, &start, &arena, &result);
	assert_int_equal(result.outcome, EXCHANGE_CONTINUE);
	assert_true(span_equals(result.challenge, SPAN("Username:")));
	exchange_continue(&key, SPAN("alice"), &arena, &result);
	assert_true(span_equals(result.challenge, SPAN("Password:")));
	exchange_continue(&key, SPAN(PASSWORD), &arena, &result);
	assert_int_equal(result.outcome, EXCHANGE_OK);
	assert_string_equal(result.service, "smtp");
	/* it is over */
	exchange_continue(&key, SPAN(PASSWORD), &arena, &result);
	assert_string_equal(result.code, "unknown");
	assert_true(result.is_temporary);
	arena_fini(&arena);
	world_free();
}

static void
an_exchange_belongs_to_its_process(void **state)
{
	static const struct exchange_key others[] = {
		{ "smtpd", 0, 1 }, { "login", 1, 1 }, { "login", 0, 2 },
	};
	struct arena arena;
	struct exchange_result result;
	(void)state;
	world_make();
	arena_init(&arena, 0);
	struct exchange_start start = { .mechanism = SPAN("PLAIN"),
		.service = SPAN("imap"), .facts = facts_of("192.0.2.1", true) };
	exchange_begin(&key, &start, &arena, &result);
	assert_int_equal(result.outcome, EXCHANGE_CONTINUE);
	assert_int_equal(result.challenge.size, 0);
	for (size_t i = 0; i < COUNT(others); i++) {
		exchange_continue(&others[i], SPAN("x"), &arena, &result);
		assert_string_equal(result.code, "unknown");
	}
	exchange_cancel(&key);
	exchange_continue(&key, SPAN("x"), &arena, &result);
	assert_string_equal(result.code, "unknown");
	arena_fini(&arena);
	world_free();
}

/* ---- SCRAM ---- */

/* A client: its final message for what the server said. */
static void
add_client_final(struct buffer *out, struct span first_bare,
	struct span server_first, struct span binding, const char *password)
{
	uint8_t salted[32], client_key[32], stored[32], signature[32];
	struct buffer salt, message;
	struct span rest = server_first, nonce, salt_text, iterations;
	uint64_t count;
	buffer_init(&salt, 0);
	buffer_init(&message, 0);
	assert_true(span_split(&rest, ',', &nonce) &&
		span_split(&rest, ',', &salt_text) &&
		span_split(&rest, ',', &iterations));
	assert_true(base64_decode(&salt, span_skip(salt_text, 2)));
	assert_true(span_to_number(span_skip(iterations, 2), 1000000, &count));
	PKCS5_PBKDF2_HMAC(password, (int)strlen(password),
		(unsigned char *)salt.data, (int)salt.size, (int)count,
		EVP_sha256(), 32, salted);
	scram_hmac(span_of(salted, 32), SPAN("Client Key"), client_key);
	SHA256(client_key, 32, stored);
	buffer_add_string(out, "c=");
	base64_encode(out, binding);
	buffer_add_byte(out, ',');
	buffer_add(out, nonce);
	buffer_print(&message, "%.*s,%.*s,%.*s", SPAN_PRINT(first_bare),
		SPAN_PRINT(server_first), (int)out->size, out->data);
	scram_hmac(span_of(stored, 32), buffer_span(&message), signature);
	for (size_t i = 0; i < 32; i++)
		client_key[i] ^= signature[i];
	buffer_add_string(out, ",p=");
	base64_encode(out, span_of(client_key, 32));
	buffer_fini(&message);
	buffer_fini(&salt);
}

#define E32 "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define P32 "pppppppppppppppppppppppppppppppp"

static const struct {
	const char *name, *mechanism;
	bool is_tls;
	const char *header, *user, *password;
	struct span binding;		/* what the client puts into c= */
	bool begins;			/* the first message is taken */
	enum exchange_outcome outcome;
	const char *code;
} scrams[] = {
	{ "right", "SCRAM-SHA-256", true, "n,,", "alice@example.test",
		PASSWORD, SPAN("n,,"), true, EXCHANGE_OK, NULL },
	{ "right without TLS", "SCRAM-SHA-256", false, "n,,", "alice",
		PASSWORD, SPAN("n,,"), true, EXCHANGE_OK, NULL },
	{ "wrong password", "SCRAM-SHA-256", true, "n,,", "alice", "wrong",
		SPAN("n,,"), true, EXCHANGE_FAIL, "credentials" },
	{ "no such user gets as far", "SCRAM-SHA-256", true, "n,,", "nobody",
		"wrong", SPAN("n,,"), true, EXCHANGE_FAIL, "credentials" },
	{ "as oneself", "SCRAM-SHA-256", true, "n,a=ALICE,", "alice",
		PASSWORD, SPAN("n,a=ALICE,"), true, EXCHANGE_OK, NULL },
	{ "as another", "SCRAM-SHA-256", true, "n,a=bob,", "alice", PASSWORD,
		SPAN("n,a=bob,"), true, EXCHANGE_FAIL, "authorization" },
	{ "header changed on the way", "SCRAM-SHA-256", true, "n,,", "alice",
		PASSWORD, SPAN("y,,"), true, EXCHANGE_FAIL, "credentials" },
	{ "client was told that we cannot bind", "SCRAM-SHA-256", true, "y,,",
		"alice", PASSWORD, SPAN("y,,"), false, EXCHANGE_FAIL,
		"binding" },
	{ "we cannot bind indeed", "SCRAM-SHA-256", false, "y,,", "alice",
		PASSWORD, SPAN("y,,"), true, EXCHANGE_OK, NULL },
	{ "binding with the mechanism without", "SCRAM-SHA-256", true,
		"p=tls-exporter,,", "alice", PASSWORD, SPAN(""), false,
		EXCHANGE_FAIL, "binding" },
	{ "PLUS with tls-exporter", "SCRAM-SHA-256-PLUS", true,
		"p=tls-exporter,,", "alice", PASSWORD,
		SPAN("p=tls-exporter,," E32), true, EXCHANGE_OK, NULL },
	{ "PLUS with tls-server-end-point", "SCRAM-SHA-256-PLUS", true,
		"p=tls-server-end-point,,", "alice", PASSWORD,
		SPAN("p=tls-server-end-point,," P32), true, EXCHANGE_OK,
		NULL },
	{ "PLUS bound to another connection", "SCRAM-SHA-256-PLUS", true,
		"p=tls-exporter,,", "alice", PASSWORD,
		SPAN("p=tls-exporter,," P32), true, EXCHANGE_FAIL,
		"credentials" },
	{ "PLUS bound to nothing", "SCRAM-SHA-256-PLUS", true,
		"p=tls-exporter,,", "alice", PASSWORD,
		SPAN("p=tls-exporter,,"), true, EXCHANGE_FAIL, "credentials" },
	{ "PLUS with tls-unique", "SCRAM-SHA-256-PLUS", true,
		"p=tls-unique,,", "alice", PASSWORD, SPAN(""), false,
		EXCHANGE_FAIL, "binding" },
	{ "PLUS without binding", "SCRAM-SHA-256-PLUS", true, "n,,", "alice",
		PASSWORD, SPAN(""), false, EXCHANGE_FAIL, "binding" },
	{ "PLUS without TLS", "SCRAM-SHA-256-PLUS", false, "p=tls-exporter,,",
		"alice", PASSWORD, SPAN(""), false, EXCHANGE_FAIL, "binding" },
};

static void
scram_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scrams); i++) {
		struct arena arena;
		struct buffer first, final;
		struct exchange_result result;
		world_make();
		world_add("alice@example.test", PASSWORD);
		world_add("bob@example.test", "other");
		arena_init(&arena, 0);
		buffer_init(&first, 0);
		buffer_init(&final, 0);
		buffer_print(&first, "%sn=%s,r=clientnonce", scrams[i].header,
			scrams[i].user);
		exchange_begin(&key, &(struct exchange_start){
			.mechanism = span_from(scrams[i].mechanism),
			.service = SPAN("imap"), .has_response = true,
			.facts = facts_of("192.0.2.1", scrams[i].is_tls),
			.response = buffer_span(&first) }, &arena, &result);
		if ((result.outcome == EXCHANGE_CONTINUE) != scrams[i].begins)
			fail_msg("%s: first message", scrams[i].name);
		if (scrams[i].begins) {
			assert_true(span_starts(result.challenge,
				SPAN("r=clientnonce")));
			add_client_final(&final, span_skip(buffer_span(&first),
				strlen(scrams[i].header)), result.challenge,
				scrams[i].binding, scrams[i].password);
			exchange_continue(&key, buffer_span(&final), &arena,
				&result);
		}
		if (result.outcome != scrams[i].outcome)
			fail_msg("%s: %s", scrams[i].name, result.code);
		if (scrams[i].code != NULL)
			assert_string_equal(result.code, scrams[i].code);
		else
			assert_true(span_starts(result.challenge, SPAN("v=")));
		buffer_fini(&final);
		buffer_fini(&first);
		arena_fini(&arena);
		world_free();
	}
}

static struct span
salt_of(const char *user, struct arena *arena)
{
	struct exchange_result result;
	struct span rest, piece = { NULL, 0 };
	exchange_begin(&key, &(struct exchange_start){
		.mechanism = SPAN("SCRAM-SHA-256"), .service = SPAN("imap"),
		.facts = facts_of("192.0.2.1", true), .has_response = true,
		.response = arena_print(arena, "n,,n=%s,r=x", user) }, arena,
		&result);
	rest = result.challenge;
	span_split(&rest, ',', &piece);
	span_split(&rest, ',', &piece);
	return piece;
}

static void
a_name_that_is_not_has_a_salt_that_stays(void **state)
{
	struct arena arena;
	(void)state;
	world_make();
	world_add("alice@example.test", PASSWORD);
	arena_init(&arena, 0);
	struct span nobody = salt_of("nobody", &arena);
	assert_true(span_equals(nobody, salt_of("nobody@example.test", &arena)));
	assert_true(span_equals(nobody, salt_of("NOBODY", &arena)));
	assert_false(span_equals(nobody, salt_of("somebody", &arena)));
	struct span alice = salt_of("alice", &arena);
	assert_int_equal(alice.size, nobody.size);
	assert_true(span_equals(alice, salt_of("alice", &arena)));
	arena_fini(&arena);
	world_free();
}

static void
exchanges_left_alone_are_bounded(void **state)
{
	struct arena arena;
	struct exchange_result result;
	struct exchange_key first = { "login", 0, 0 };
	(void)state;
	world_make();
	for (uint32_t i = 0; i < 2 * EXCHANGE_LIMIT + 10; i++) {
		struct exchange_key next = { "login", 0, i };
		arena_init(&arena, 0);
		exchange_begin(&next, &(struct exchange_start){
			.mechanism = SPAN("PLAIN"), .service = SPAN("imap"),
			.facts = facts_of("192.0.2.1", true) }, &arena,
			&result);
		arena_fini(&arena);
	}
	arena_init(&arena, 0);
	exchange_continue(&first, SPAN("x"), &arena, &result);
	assert_string_equal(result.code, "unknown");
	arena_fini(&arena);
	world_free();
}

/* ---- EXTERNAL ---- */

static const struct {
	const char *name, *client;
	uint32_t uid;
	struct span response;
	enum exchange_outcome outcome;
	const char *code;
} externals[] = {
	{ "root acts as anybody", "local", 0, SPAN("alice@example.test"),
		EXCHANGE_OK, NULL },
	{ "by a name without a domain", "local", 0, SPAN("Alice"),
		EXCHANGE_OK, NULL },
	{ "root has no account of its own here", "local", 0, SPAN(""),
		EXCHANGE_FAIL, "authorization" },
	{ "nobody of that name", "local", 0, SPAN("carol@example.test"),
		EXCHANGE_FAIL, "authorization" },
	{ "a user as alice", "local", 1000, SPAN("alice@example.test"),
		EXCHANGE_FAIL, "authorization" },
	{ "a user as himself", "local", 1000, SPAN(""), EXCHANGE_FAIL,
		"authorization" },
	{ "the kernel did not say", "local", NETWORK_NO_UID,
		SPAN("alice@example.test"), EXCHANGE_FAIL, "mechanism" },
	{ "from the network", "192.0.2.1", 0, SPAN("alice@example.test"),
		EXCHANGE_FAIL, "mechanism" },
	{ "from the loopback", "127.0.0.1", 0, SPAN("alice@example.test"),
		EXCHANGE_FAIL, "mechanism" },
	{ "a NUL", "local", 0, SPAN("alice\0@example.test"), EXCHANGE_FAIL,
		"syntax" },
};

static void
who_is_at_a_local_socket_says_the_kernel(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(externals); i++) {
		struct arena arena;
		struct exchange_result result;
		struct proxy2 facts = { .client = { .family = AF_UNIX } };
		world_make();
		uint64_t alice = world_add("alice@example.test", PASSWORD);
		arena_init(&arena, 0);
		if (strcmp(externals[i].client, "local") != 0)
			facts = facts_of(externals[i].client, true);
		facts.client.uid = externals[i].uid;
		struct exchange_start start = { .mechanism = SPAN("EXTERNAL"),
			.service = SPAN("imap"), .facts = facts,
			.has_response = i % 2 == 0,
			.response = externals[i].response };
		exchange_begin(&key, &start, &arena, &result);
		if (result.outcome == EXCHANGE_CONTINUE)
			exchange_continue(&key, externals[i].response, &arena,
				&result);
		print_message("%s\n", externals[i].name);
		assert_int_equal(result.outcome, externals[i].outcome);
		assert_false(result.is_temporary);
		if (externals[i].code != NULL)
			assert_string_equal(result.code, externals[i].code);
		if (result.outcome == EXCHANGE_OK) {
			assert_true(result.account.id == alice);
			assert_true(result.is_external && result.peer == 0);
		}
		arena_fini(&arena);
		world_free();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_is_judged),
		cmocka_unit_test(
			only_trusted_networks_may_log_in_and_need_no_tls),
		cmocka_unit_test(
			a_verified_password_is_not_hashed_again_until_it_changes),
		cmocka_unit_test(memory_of_passwords_ends),
		cmocka_unit_test(guessing_is_refused_without_looking),
		cmocka_unit_test(login_asks_twice),
		cmocka_unit_test(an_exchange_belongs_to_its_process),
		cmocka_unit_test(scram_is_judged),
		cmocka_unit_test(a_name_that_is_not_has_a_salt_that_stays),
		cmocka_unit_test(exchanges_left_alone_are_bounded),
		cmocka_unit_test(who_is_at_a_local_socket_says_the_kernel),
	};
	counter_open(-1, -1, true);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
