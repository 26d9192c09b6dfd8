/* Who may use which key, and what of the ring is on disk when it is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/state_file.h"
#include "key/callers.h"
#include "key/keyring.h"
#include "key/ring.h"

enum { NOW = 1700000000 };

static enum keywire_status
ask(const char *caller, uint32_t operation, const char *name,
	struct keywire_reply *reply)
{
	struct keywire_request request = { .version = KEYWIRE_VERSION,
		.operation = operation };
	snprintf(request.key, sizeof(request.key), "%s", name);
	if (operation == KEYWIRE_MAKE) {
		request.size = 1;
		request.input[0] = KEYWIRE_P256;
	} else if (operation == KEYWIRE_ECDSA) {
		request.size = 32;
		memset(request.input, 7, 32);
	}
	keyring_execute(caller, &request, NOW, reply);
	return reply->status;
}

static int
open_ring(void)
{
	struct error error;
	int fd = file_open_memory("ring", SPAN(""), &error);
	assert_true(fd >= 0);
	assert_int_equal(ring_load(fd, &error), 0);
	return fd;
}

static const struct {
	const char *caller, *name;
	uint32_t operation;
	bool may;
} cases[] = {
	{ "tls", "tls_key_file", KEYWIRE_ECDSA, true },
	{ "tls", "tls_key_file", KEYWIRE_RSA_PKCS1, true },
	{ "tls", "tls_key_file", KEYWIRE_RSA_RAW, true },
	{ "tls", "tls_key_file", KEYWIRE_DROP, false },
	{ "tls", "acme-tls-1", KEYWIRE_ECDSA, true },
	{ "tls", "acme-tls-1", KEYWIRE_MAKE, false },
	{ "tls", "acme-account", KEYWIRE_ECDSA, false },
	{ "tls", "dnssec-1", KEYWIRE_ECDSA, false },
	{ "tls-out", "tls_key_file", KEYWIRE_ECDSA, false },
	{ "names", "dnssec-1", KEYWIRE_ECDSA, true },
	{ "names", "dnssec-1", KEYWIRE_MAKE, true },
	{ "names", "dnssec-1", KEYWIRE_PUBLIC, true },
	{ "names", "dnssec-1", KEYWIRE_DROP, true },
	{ "names", "dnssec-", KEYWIRE_MAKE, false },
	{ "names", "dnssec", KEYWIRE_MAKE, false },
	{ "names", "acme-account", KEYWIRE_ECDSA, false },
	{ "names", "tls_key_file", KEYWIRE_ECDSA, false },
	{ "hostmaster", "acme-account", KEYWIRE_MAKE, true },
	{ "hostmaster", "acme-account2", KEYWIRE_MAKE, false },
	{ "hostmaster", "acme-tls-1", KEYWIRE_ECDSA, true },
	{ "hostmaster", "dnssec-1", KEYWIRE_ECDSA, false },
	{ "hostmaster", "tls_key_file", KEYWIRE_ECDSA, false },
	{ "command", "acme-account", KEYWIRE_PUBLIC, false },
	{ "", "acme-account", KEYWIRE_PUBLIC, false },
	{ "names", "dnssec-1", 0, false },
	{ "names", "dnssec-1", KEYWIRE_DROP + 1, false },
	{ "names", "dnssec-1", 33, false },
};

static void
each_has_keys_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s %s %u\n", cases[i].caller, cases[i].name,
			cases[i].operation);
		assert_int_equal(callers_may(cases[i].caller, cases[i].name,
			cases[i].operation), cases[i].may);
	}
}

static void
what_others_may_not_is_not_done(void **state)
{
	struct keywire_reply reply;
	int fd = open_ring();
	(void)state;
	assert_int_equal(ask("names", KEYWIRE_MAKE, "dnssec-a", &reply),
		KEYWIRE_OK);
	assert_int_equal(ask("hostmaster", KEYWIRE_ECDSA, "dnssec-a", &reply),
		KEYWIRE_NOT_YOURS);
	assert_int_equal(reply.size, 0);
	assert_int_equal(ask("tls", KEYWIRE_DROP, "dnssec-a", &reply),
		KEYWIRE_NOT_YOURS);
	assert_int_equal(ask("names", KEYWIRE_MAKE, "acme-tls-a", &reply),
		KEYWIRE_NOT_YOURS);
	assert_int_equal(ask("names", KEYWIRE_ECDSA, "dnssec-a", &reply),
		KEYWIRE_OK);
	close(fd);
	ring_forget();
}

/* The signature is one of the public half that was told. */
static void
keys_last(void **state)
{
	struct keywire_reply made, again, signature;
	const unsigned char *at = made.output;
	uint8_t digest[32];
	struct error error;
	int fd = open_ring();
	(void)state;
	memset(digest, 7, sizeof(digest));
	assert_int_equal(ask("names", KEYWIRE_MAKE, "dnssec-a", &made),
		KEYWIRE_OK);
	/* what was answered is on disk */
	ring_forget();
	assert_int_equal(ring_load(fd, &error), 0);
	assert_int_equal(ask("names", KEYWIRE_PUBLIC, "dnssec-a", &again),
		KEYWIRE_OK);
	assert_int_equal(again.size, made.size);
	assert_memory_equal(again.output, made.output, made.size);
	assert_int_equal(ask("names", KEYWIRE_MAKE, "dnssec-a", &again),
		KEYWIRE_OK);
	assert_memory_equal(again.output, made.output, made.size);
	assert_int_equal(ask("names", KEYWIRE_ECDSA, "dnssec-a", &signature),
		KEYWIRE_OK);
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)made.size);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	assert_int_equal(EVP_PKEY_verify_init(context), 1);
	assert_int_equal(EVP_PKEY_verify(context, signature.output,
		signature.size, digest, sizeof(digest)), 1);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	/* and what was dropped is gone */
	assert_int_equal(ask("names", KEYWIRE_DROP, "dnssec-a", &again),
		KEYWIRE_OK);
	ring_forget();
	assert_int_equal(ring_load(fd, &error), 0);
	assert_int_equal(ask("names", KEYWIRE_PUBLIC, "dnssec-a", &again),
		KEYWIRE_NO_KEY);
	assert_int_equal(ask("names", KEYWIRE_DROP, "dnssec-a", &again),
		KEYWIRE_OK);
	close(fd);
	ring_forget();
}

enum { LOADS = 20 };		/* at most, while one key is made */

static atomic_bool is_making, has_ended;

static void *
reload_meanwhile(void *context)
{
	const int *fd = context;
	struct error error;
	while (!has_ended) {
		for (int i = 0; i < LOADS && is_making; i++)
			assert(ring_load(*fd, &error) == 0);
		while (is_making && !has_ended)
			sched_yield();
		sched_yield();
	}
	return NULL;
}

/* A reload reads the file while a key is being made. */
static void
a_reload_loses_no_key(void **state)
{
	enum { KEYS = 40 };
	pthread_t thread;
	char name[KEYWIRE_NAME_SIZE];
	struct keywire_reply reply;
	int fd = open_ring();
	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, reload_meanwhile, &fd),
		0);
	for (int i = 0; i < KEYS; i++) {
		snprintf(name, sizeof(name), "dnssec-%d", i);
		is_making = true;
		assert_int_equal(ask("names", KEYWIRE_MAKE, name, &reply),
			KEYWIRE_OK);
		is_making = false;
	}
	has_ended = true;
	pthread_join(thread, NULL);
	for (int i = 0; i < KEYS; i++) {
		snprintf(name, sizeof(name), "dnssec-%d", i);
		assert_int_equal(ask("names", KEYWIRE_PUBLIC, name, &reply),
			KEYWIRE_OK);
	}
	close(fd);
	ring_forget();
}

static void
nothing_is_used_that_is_not_on_disk(void **state)
{
	struct keywire_reply reply;
	struct error error;
	int fd = open_ring(), read_only;
	(void)state;
	assert_int_equal(ask("names", KEYWIRE_MAKE, "dnssec-a", &reply),
		KEYWIRE_OK);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY);
	assert_true(read_only >= 0);
	assert_int_equal(ring_load(read_only, &error), 0);
	assert_int_equal(ask("names", KEYWIRE_MAKE, "dnssec-b", &reply),
		KEYWIRE_FAILED);
	assert_int_equal(reply.size, 0);
	assert_int_equal(ask("names", KEYWIRE_ECDSA, "dnssec-b", &reply),
		KEYWIRE_NO_KEY);
	assert_int_equal(ask("names", KEYWIRE_DROP, "dnssec-a", &reply),
		KEYWIRE_FAILED);
	assert_int_equal(ask("names", KEYWIRE_ECDSA, "dnssec-a", &reply),
		KEYWIRE_OK);
	close(read_only);
	close(fd);
	ring_forget();
}

/* A caller must not take a ring that is away for one that is empty. */
static void
without_a_ring_nothing_is_denied(void **state)
{
	struct keywire_reply reply;
	(void)state;
	ring_forget();
	assert_int_equal(ask("names", KEYWIRE_PUBLIC, "dnssec-a", &reply),
		KEYWIRE_FAILED);
	assert_int_equal(ask("names", KEYWIRE_MAKE, "dnssec-a", &reply),
		KEYWIRE_FAILED);
	assert_int_equal(ask("names", KEYWIRE_DROP, "dnssec-a", &reply),
		KEYWIRE_FAILED);
}

static void
odd_requests_are_refused(void **state)
{
	struct keywire_reply reply;
	struct keywire_request request = { .version = KEYWIRE_VERSION,
		.operation = KEYWIRE_MAKE, .size = 1,
		.input = { KEYWIRE_P256 } };
	int fd = open_ring();
	(void)state;
	memcpy(request.key, "dnssec-abcdefghijklmnopqrstuvwxy", 32);
	keyring_execute("names", &request, NOW, &reply);
	assert_int_equal(reply.status, KEYWIRE_BAD);
	request.operation = KEYWIRE_PUBLIC;
	keyring_execute("names", &request, NOW, &reply);
	assert_int_equal(reply.status, KEYWIRE_BAD);
	request.operation = KEYWIRE_MAKE;
	request.key[31] = '\0';
	request.input[0] = 9;
	keyring_execute("names", &request, NOW, &reply);
	assert_int_equal(reply.status, KEYWIRE_BAD);
	request.input[0] = KEYWIRE_P256;
	request.size = 2;
	keyring_execute("names", &request, NOW, &reply);
	assert_int_equal(reply.status, KEYWIRE_BAD);
	request.size = KEYWIRE_INPUT_SIZE + 1;
	keyring_execute("names", &request, NOW, &reply);
	assert_int_equal(reply.status, KEYWIRE_BAD);
	request.size = 1;
	request.version = 2;
	keyring_execute("names", &request, NOW, &reply);
	assert_int_equal(reply.status, KEYWIRE_BAD);
	assert_int_equal(ask("names", KEYWIRE_MAKE, "dnssec-A", &reply),
		KEYWIRE_BAD);
	assert_int_equal(ask("names", KEYWIRE_MAKE, "dnssec-a\tb", &reply),
		KEYWIRE_BAD);
	close(fd);
	ring_forget();
}

static void
damage_is_told(void **state)
{
	static const char *const blobs[] = {
		"posthouse-ring\t2\n", "KEY\n",
		"posthouse-ring\t1\nKEY\tname=dnssec-a\tmade=1\tpkcs8=AAAA\n",
		"posthouse-ring\t1\nKEY\tname=dnssec-a\tmade=x\tpkcs8=AAAA\n",
		"posthouse-ring\t1\nKEY\tmade=1\tpkcs8=AAAA\n",
		"posthouse-ring\t1\nKEY\tname="
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\tmade=1\tpkcs8=AAAA\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++) {
		struct error error;
		struct keywire_reply reply;
		int good = open_ring();
		int fd = file_open_memory("ring", SPAN(""), &error);
		assert_int_equal(ask("names", KEYWIRE_MAKE, "dnssec-a",
			&reply), KEYWIRE_OK);
		assert_int_equal(state_file_write(fd, span_from(blobs[i]),
			&error), 0);
		assert_int_equal(ring_load(fd, &error), -1);
		assert_int_equal(error.code, ERROR_DAMAGED);
		/* what was there before stays */
		assert_int_equal(ask("names", KEYWIRE_ECDSA, "dnssec-a",
			&reply), KEYWIRE_OK);
		close(fd);
		close(good);
		ring_forget();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_keys_of_its_own),
		cmocka_unit_test(what_others_may_not_is_not_done),
		cmocka_unit_test(keys_last),
		cmocka_unit_test(a_reload_loses_no_key),
		cmocka_unit_test(nothing_is_used_that_is_not_on_disk),
		cmocka_unit_test(without_a_ring_nothing_is_denied),
		cmocka_unit_test(odd_requests_are_refused),
		cmocka_unit_test(damage_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
