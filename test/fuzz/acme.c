/*
 * ACME: documents and chains of any bytes. What is understood is within its
 * limits and can stand between quotes, in a path and in a record.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/tlswire.h"
#include "trust/acme_chain.h"
#include "trust/acme_read.h"
#include "trust/acme_state.h"
#include "trust/jws.h"

static void
check_visible(struct span text)
{
	assert(text.size <= ACME_DETAIL_LIMIT);
	for (size_t i = 0; i < text.size; i++)
		assert(text.data[i] >= ' ' && text.data[i] <= '~');
}

static void
check_challenge(const struct acme_challenge *challenge)
{
	assert(challenge->type < ACME_CHALLENGE_TYPES);
	assert(challenge->status < ACME_STATUSES);
	assert(jws_is_url(challenge->url));
	assert(jws_is_base64url(challenge->token));
	assert(challenge->token.size <= ACME_TOKEN_LIMIT);
	check_visible(challenge->problem.detail);
}

static void
check_documents(struct span in, struct arena *arena)
{
	struct acme_directory directory;
	struct acme_order order;
	struct acme_authorization authorization;
	struct acme_challenge challenge;
	struct acme_problem problem;
	struct acme_window window;
	enum acme_status status;
	if (acme_read_directory(in, arena, &directory))
		assert(jws_is_url(directory.new_order));
	if (acme_read_order(in, arena, &order)) {
		assert(order.count > 0 && order.count <= ACME_NAMES);
		for (size_t i = 0; i < order.count; i++)
			assert(jws_is_url(order.authorizations[i]));
		assert(order.status != ACME_VALID ||
			jws_is_url(order.certificate));
	}
	if (acme_read_authorization(in, arena, &authorization)) {
		assert(tlswire_name_is_valid(authorization.name));
		assert(authorization.count <= ACME_CHALLENGES);
		for (size_t i = 0; i < authorization.count; i++)
			check_challenge(&authorization.challenges[i]);
	}
	if (acme_read_challenge(in, arena, &challenge))
		check_challenge(&challenge);
	if (acme_read_account(in, &status))
		assert(status < ACME_STATUSES);
	if (acme_read_window(in, &window))
		assert(window.start < window.end);
	acme_read_problem(in, arena, &problem);
	assert(problem.trouble != ACME_NO_TROUBLE);
	check_visible(problem.type);
	check_visible(problem.detail);
}

/* What is read is written, and the same is read again. */
static void
check_state(struct span in, struct arena *arena)
{
	static struct acme_state state, again;
	struct buffer blob;
	if (!acme_state_read(in, arena, &state))
		return;
	assert(state.challenges <= ACME_NAMES);
	buffer_init(&blob, 0);
	acme_state_write(&state, &blob);
	if (blob.size <= ACME_STATE_LIMIT) {
		assert(acme_state_read(buffer_span(&blob), arena, &again));
		assert(span_equals(state.chain, again.chain));
		assert(state.challenges == again.challenges);
	}
	buffer_fini(&blob);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct acme_chain chain;
	struct buffer out;
	struct arena arena;
	int64_t wait = acme_read_retry_after(in, 1795330000000, 86400000);
	assert(wait >= 0 && wait <= 86400000);
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	check_documents(in, &arena);
	check_state(in, &arena);
	if (acme_chain_read(in, &(struct acme_chain_wish){
	    .now = 1795330000000 }, &arena, &chain, &out) == ACME_CHAIN_OK)
		assert(chain.count > 0 && out.size > 0 &&
			chain.not_before < chain.not_after);
	check_visible(chain.issuer);
	assert(chain.id.size == 0 ||
		span_find(chain.id, '.') < chain.id.size);
	buffer_fini(&out);
	arena_fini(&arena);
	return 0;
}
