/* posthouse dns announce FILE: for administrators who replace tls_cert_file
 * themselves. The TLSA record of the next key is answered before it is used. */
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "ctl/admin.h"
#include "ctl/dns.h"
#include "trust/certificate_key.h"

enum { CERTIFICATE_LIMIT = 1 << 20 };

int
dns_announce(struct ctl *ctl)
{
	uint8_t hash[CERTIFICATE_KEY_HASH];
	struct buffer bytes;
	struct error error;
	const char *path = ctl->argv[1];
	buffer_init(&bytes, 0);
	if (file_read_whole(AT_FDCWD, path, CERTIFICATE_LIMIT, &bytes,
	    &error) < 0) {
		buffer_fini(&bytes);
		return ctl_fail_error(&error);
	}
	bool ok = certificate_key_hash(buffer_span(&bytes), hash);
	buffer_fini(&bytes);
	if (!ok)
		return ctl_fail("%s: found no certificate, expected PEM", path);
	buffer_add_hex(&bytes, span_of(hash, sizeof(hash)));
	const char *fields[] = { "sha256", buffer_string(&bytes), NULL };
	int result = admin_do(ctl, "hostmaster-admin", "TLSA-ANNOUNCE",
		fields);
	buffer_fini(&bytes);
	if (result == 0 && !ctl->json)
		printf("the key of %s is in the TLSA records; use the "
			"certificate when two times dns_records_ttl (%lld s) "
			"have passed, and within a day\n", path,
			(long long)(config_duration(ctl->config,
			"dns_records_ttl") / 500));
	return result;
}
