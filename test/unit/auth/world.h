/* An auth with alice and bob in it, on a database in memory. */
#ifndef UNIT_AUTH_WORLD_H
#define UNIT_AUTH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "auth/exchange.h"
#include "serve/counter.h"

static struct settings world_settings;

static inline uint64_t
world_add(const char *address, const char *password)
{
	struct error error;
	uint64_t id;
	bool added;
	if (accounts_add_user(auth.accounts, span_from(address),
		span_from(password), &id, &added, &error) != 0)
		fail_msg("%s: %s", address, error.text);
	return id;
}

static inline void
world_make(void)
{
	struct error error;
	world_settings = (struct settings){
		.offers = { true, true, true, true },
		.is_plaintext_disabled = true,
		.trusted_networks = "",
		.mynetworks = "127.0.0.0/8",
		.failure_delay = 2000,
		.mailbox_processes = 4,
		.accounts = { .mydestination = "localhost",
			.myorigin = "example.test", .delimiters = "+",
			.quota = 1000 },
	};
	atomic_store(&auth.settings, &world_settings);
	if (accounts_open(":memory:", &world_settings.accounts,
		&auth.accounts, &error) != 0)
		fail_msg("%s", error.text);
	auth.passwords = passwords_new(&(struct passwords_options){
		.hashers = 1, .waiters = 1, .ttl = 3600000,
		.secret = accounts_secret(auth.accounts) });
	auth.throttle = throttle_new();
	auth.tickets = tickets_new();
	auth.exchanges = exchanges_new();
}

static inline void
world_free(void)
{
	exchanges_free(&auth.exchanges);
	tickets_free(&auth.tickets);
	throttle_free(&auth.throttle);
	passwords_free(&auth.passwords);
	accounts_close(&auth.accounts);
}

#endif
