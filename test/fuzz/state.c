/*
 * What programs find in their state files after damage. The first octet says
 * whose: the slots themselves of any bytes; names, hostmaster and key with a
 * whole slot of any content. What is read is written, and read again as the
 * same; what is not is a sentence, and the next write is found all the same.
 */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/state_file.h"
#include "fuzz.h"
#include "hostmaster/tlsa.h"
#include "key/ring.h"
#include "names/parts.h"
#include "names/remembered.h"
#include "names/signed_keys.h"

enum whose { SLOTS, NAMES, HOSTMASTER, KEY, WHOSE };

static int
open_with(struct span blob)
{
	struct error error;
	int fd = file_open_memory("state", SPAN(""), &error);
	assert(fd >= 0);
	if (state_file_write(fd, blob, &error) < 0)
		assert(error.code == ERROR_FULL);
	return fd;
}

static void
check_slots(struct span bytes)
{
	struct error error = { .text = "" };
	struct buffer blob;
	int fd = file_open_memory("state", bytes, &error);
	assert(fd >= 0);
	buffer_init(&blob, 0);
	if (state_file_read(fd, &blob, &error) < 0)
		assert(error.code == ERROR_DAMAGED && error.text[0] != '\0');
	if (state_file_write(fd, SPAN("next"), &error) == 0) {
		assert(state_file_read(fd, &blob, &error) == 0);
		assert(span_equals(buffer_span(&blob), SPAN("next")));
	}
	buffer_fini(&blob);
	close(fd);
}

static size_t
count_parts(void)
{
	struct parts parts;
	parts_collect(&parts);
	size_t count = parts.count;
	for (size_t i = 0; i < count; i++)
		assert(parts.part[i].origin.size > 0);
	parts_free(&parts);
	return count;
}

static void
check_names(int fd)
{
	struct error error;
	struct dns_name origin;
	struct signed_keys keys;
	assert(remembered_open(fd, &error) == 0);
	size_t before = count_parts();
	assert(dns_name_from_text(SPAN("a.test"), &origin));
	signed_keys_recall(&origin, &keys);
	assert(!keys.has_any || signed_keys_are_remembered(&origin));
	assert(dns_name_from_text(SPAN("new.test"), &origin));
	bool is_new = parts_put(&origin, SPAN("fuzz tag"), SPAN("@ A ::1\n"));
	if (remembered_save(&error) == 0) {
		remembered_close();
		assert(remembered_open(fd, &error) == 0);
		assert(count_parts() <= before + is_new);
		assert(count_parts() >= before);
	}
	remembered_close();
}

static void
check_hostmaster(int fd)
{
	static const uint8_t hash[1][CERTIFICATE_KEY_HASH] = { { 7 } };
	uint8_t found[TLSA_KEYS][CERTIFICATE_KEY_HASH];
	struct tlsa_key keys[TLSA_KEYS];
	struct error error;
	assert(tlsa_open(fd, &error) == 0);
	assert(tlsa_list(keys) <= TLSA_KEYS);
	size_t count = tlsa_want(hash, 1, 1795330000, 3600, found);
	assert(count >= 1 && count <= TLSA_KEYS);
	assert(tlsa_published(hash, 1, 1795330000, true, &error) == 0);
	tlsa_close();
	assert(tlsa_open(fd, &error) == 0);
	assert(tlsa_list(keys) == count);
	tlsa_close();
}

static void
check_key(int fd)
{
	struct error error = { .text = "" };
	ring_forget();
	if (ring_load(fd, &error) < 0)
		assert(error.code == ERROR_DAMAGED && error.text[0] != '\0' &&
			!ring_is_loaded());
	ring_forget();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	log_init("fuzz", -1, -1);
	struct span rest = span_of(data + 1, size - 1);
	enum whose whose = data[0] % WHOSE;
	if (whose == SLOTS) {
		check_slots(rest);
		return 0;
	}
	int fd = open_with(rest);
	if (whose == NAMES)
		check_names(fd);
	else if (whose == HOSTMASTER)
		check_hostmaster(fd);
	else
		check_key(fd);
	close(fd);
	return 0;
}
