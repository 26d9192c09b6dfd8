/* The caller's side of key-sign. Behind the wire is the code of key itself, or
 * a thread that answers what it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "key/keyring.h"
#include "key/ring.h"
#include "serve/key_call.h"
#include "world.h"

enum { PATIENCE = 60000, MANY = 1000 };

static struct key_caller *caller;
static _Atomic(const struct keywire_reply *) lie;

static void *
run_key(void *argument)
{
	int fd = (int)(intptr_t)argument;
	struct keywire_request request;
	struct keywire_reply reply;
	while (recv(fd, &request, sizeof(request), MSG_WAITALL) ==
	    sizeof(request)) {
		const struct keywire_reply *other = atomic_load(&lie);
		keyring_execute("names", &request, 1, &reply);
		if (other != NULL)
			reply = *other;
		if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) !=
		    sizeof(reply))
			break;
	}
	close(fd);
	return NULL;
}

static void
accept_key(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)lot, (void)instance;
	world_play(incoming, run_key);
}

static int64_t
soon(void)
{
	return clock_monotonic() + PATIENCE;
}

static void
verify(const struct key_public *public_key,
	const struct key_signature *signature)
{
	const unsigned char *at = public_key->der;
	unsigned char *der = NULL;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)public_key->size);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	ECDSA_SIG *parts = ECDSA_SIG_new();
	assert_int_equal(ECDSA_SIG_set0(parts,
		BN_bin2bn(signature->signature, 32, NULL),
		BN_bin2bn(signature->signature + 32, 32, NULL)), 1);
	int size = i2d_ECDSA_SIG(parts, &der);
	assert_true(size > 0);
	assert_int_equal(EVP_PKEY_verify_init(context), 1);
	assert_int_equal(EVP_PKEY_verify(context, der, (size_t)size,
		signature->digest, sizeof(signature->digest)), 1);
	OPENSSL_free(der);
	ECDSA_SIG_free(parts);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

/* So many that each kind of number comes: with a leading zero, and shorter. */
static void
signatures_are_right_and_in_their_places(void **state)
{
	static struct key_signature signatures[MANY];
	struct key_public public_key;
	struct error error;
	(void)state;
	assert_int_equal(key_call_make(caller, "dnssec-a", soon(),
		&public_key, &error), 0);
	for (unsigned i = 0; i < MANY; i++)
		memcpy(signatures[i].digest, &i, sizeof(i));
	assert_int_equal(key_call_sign(caller, "dnssec-a", signatures, MANY,
		soon(), &error), 0);
	for (unsigned i = 0; i < MANY; i++)
		verify(&public_key, &signatures[i]);
	assert_int_equal(key_call_sign(caller, "dnssec-a", signatures, 0,
		soon(), &error), 0);
	assert_int_equal(key_call_drop(caller, "dnssec-a", soon(), &error),
		0);
	assert_int_equal(key_call_sign(caller, "dnssec-a", signatures, MANY,
		soon(), &error), -1);
	assert_int_equal(error.code, ERROR_GONE);
	assert_int_equal(key_call_public(caller, "dnssec-a", soon(),
		&public_key, &error), -1);
	assert_int_equal(error.code, ERROR_GONE);
	/* and the wire is in order after that */
	assert_int_equal(key_call_make(caller, "dnssec-b", soon(),
		&public_key, &error), 0);
	assert_int_equal(key_call_make(caller, "acme-account", soon(),
		&public_key, &error), -1);
	assert_int_equal(error.code, ERROR_REFUSED);
}

static void
odd_replies_are_not_used(void **state)
{
	static const struct {
		const char *name;
		struct keywire_reply reply;
		enum error_code code;
	} cases[] = {
		{ "another version", { .version = 9 }, ERROR_DAMAGED },
		{ "too large", { .version = 1, .size = 2000 }, ERROR_DAMAGED },
		{ "failed", { .version = 1, .status = KEYWIRE_FAILED },
			ERROR_LATER },
		{ "full", { .version = 1, .status = KEYWIRE_FULL },
			ERROR_FULL },
		{ "nothing", { .version = 1 }, ERROR_DAMAGED },
		{ "no sequence", { .version = 1, .size = 8, .output = { 0x31,
			6, 2, 1, 1, 2, 1, 1 } }, ERROR_DAMAGED },
		{ "cut", { .version = 1, .size = 8, .output = { 0x30, 7, 2, 1,
			1, 2, 1, 1 } }, ERROR_DAMAGED },
		{ "one number", { .version = 1, .size = 5, .output = { 0x30, 3,
			2, 1, 1 } }, ERROR_DAMAGED },
		{ "more behind", { .version = 1, .size = 9, .output = { 0x30,
			7, 2, 1, 1, 2, 1, 1, 0 } }, ERROR_DAMAGED },
		{ "an empty number", { .version = 1, .size = 7, .output = {
			0x30, 5, 2, 0, 2, 1, 1 } }, ERROR_DAMAGED },
		{ "a long number", { .version = 1, .size = 40, .output = { 0x30,
			38, 2, 33, 1, [37] = 2, 1, 1 } }, ERROR_DAMAGED },
	};
	struct key_signature signature = { .digest = { 1 } };
	struct error error;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].name);
		atomic_store(&lie, &cases[i].reply);
		assert_int_equal(key_call_sign(caller, "dnssec-b", &signature,
			1, soon(), &error), -1);
		assert_int_equal(error.code, cases[i].code);
	}
	atomic_store(&lie, NULL);
}

static void
without_key_it_is_later(void **state)
{
	struct key_public public_key;
	struct error error;
	(void)state;
	world_set_away("key-sign", 0, true);
	struct key_caller *other = caller;
	/* wires that are kept would still be good */
	key_caller_free(&other);
	caller = key_caller_new(*state);
	assert_int_equal(key_call_make(caller, "dnssec-c", soon(),
		&public_key, &error), -1);
	assert_int_equal(error.code, ERROR_LATER);
	world_set_away("key-sign", 0, false);
}

int
main(void)
{
	static const struct world_service services[] = {
		{ "key-sign", accept_key }, { NULL, NULL },
	};
	signal(SIGPIPE, SIG_IGN);	/* as every process does */
	struct error error;
	int fd = file_open_memory("ring", SPAN(""), &error);
	assert(fd >= 0 && ring_load(fd, &error) == 0);
	struct lot *lot = world_begin(services);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_right_and_in_their_places),
		cmocka_unit_test(odd_replies_are_not_used),
		cmocka_unit_test_prestate(without_key_it_is_later, lot),
	};
	caller = key_caller_new(lot);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	key_caller_free(&caller);
	world_end(&lot);
	world_join();
	ring_forget();
	close(fd);
	return failed;
}
