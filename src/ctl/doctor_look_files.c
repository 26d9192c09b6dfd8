/*
 * What stands in files: the certificate, the log of the last day, alias files.
 * Only looks.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ctl/doctor_collect.h"
#include "ctl/prepare.h"

enum { LOG_BYTES = 8 << 20, LOGINS = 64, NAMES = 100,
	CERTIFICATE_BYTES = 1 << 20, STAMP = 24 };

/* ---- certificates ---- */

static int64_t
wall_of(const ASN1_TIME *time)
{
	struct tm tm = { 0 };
	return ASN1_TIME_to_tm(time, &tm) == 1 ?
		(int64_t)timegm(&tm) * 1000 : 0;
}

static struct span
copy_der(struct arena *arena, unsigned char **der, int size)
{
	struct span copy = size > 0 ? arena_copy(arena, span_of(*der,
		(size_t)size)) : SPAN("");
	if (size > 0)
		OPENSSL_free(*der);
	*der = NULL;
	return copy;
}

static void
read_names(struct arena *arena, X509 *certificate,
	struct doctor_certificate *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate,
		NID_subject_alt_name, NULL, NULL);
	int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
	out->name = arena_new_array(arena, NAMES, sizeof(*out->name));
	for (int i = 0; i < count && out->name_count < NAMES; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		out->name[out->name_count++] = arena_copy_string(arena,
			span_of(ASN1_STRING_get0_data(name->d.dNSName),
			(size_t)ASN1_STRING_length(name->d.dNSName)));
	}
	GENERAL_NAMES_free(names);
}

/* Dates are judged by themselves. */
static bool
is_of_chain(long trouble)
{
	return trouble != X509_V_OK &&
		trouble != X509_V_ERR_CERT_HAS_EXPIRED &&
		trouble != X509_V_ERR_CERT_NOT_YET_VALID;
}

void
doctor_certificate_read(struct arena *arena, STACK_OF(X509) *chain,
	long trouble, struct doctor_certificate *out)
{
	int count = sk_X509_num(chain);
	*out = (struct doctor_certificate){ .is_known = count > 0 };
	for (int i = 0; i < count && out->count < DOCTOR_CHAIN_LIMIT; i++) {
		unsigned char *der = NULL;
		X509 *one = sk_X509_value(chain, i);
		int size = i2d_X509(one, &der);
		out->der[out->count] = copy_der(arena, &der, size);
		size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(one), &der);
		out->key[out->count++] = copy_der(arena, &der, size);
	}
	if (count == 0)
		return;
	X509 *own = sk_X509_value(chain, 0);
	out->begins = wall_of(X509_get0_notBefore(own));
	out->ends = wall_of(X509_get0_notAfter(own));
	out->is_self_signed = X509_self_signed(own, 0) == 1;
	if (is_of_chain(trouble))
		out->trouble = X509_verify_cert_error_string(trouble);
	read_names(arena, own, out);
}

static STACK_OF(X509) *
read_chain(struct span pem)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	X509 *one;
	while (bio != NULL && (one = PEM_read_bio_X509(bio, NULL, NULL,
	    NULL)) != NULL)
		if (sk_X509_push(chain, one) == 0)
			X509_free(one);
	BIO_free(bio);
	ERR_clear_error();
	return chain;
}

void
doctor_look_certificate(struct doctor_facts *facts)
{
	struct buffer pem;
	struct error error;
	const char *path = config_text(facts->config, "tls_cert_file");
	/* The standard one is made at the first start. */
	if (access(path, F_OK) < 0 &&
	    !config_is_changed(facts->config, "tls_cert_file"))
		return;
	if (prepare_certificate(facts->config, &error) < 0)
		facts->certificate_trouble = arena_copy_string(facts->arena,
			span_from(error.text));
	buffer_init(&pem, 0);
	if (file_read_whole(AT_FDCWD, path, CERTIFICATE_BYTES, &pem,
	    &error) == 0) {
		STACK_OF(X509) *chain = read_chain(buffer_span(&pem));
		doctor_certificate_read(facts->arena, chain, X509_V_OK,
			&facts->in_file);
		sk_X509_pop_free(chain, X509_free);
	}
	buffer_fini(&pem);
}

/* ---- the log ---- */

/* "key=value" in a line; the value without quotes. */
static bool
find_field(struct span line, const char *key, struct span *value)
{
	size_t at = span_search(line, span_from(key));
	if (at == line.size)
		return false;
	*value = span_skip(line, at + strlen(key));
	if (value->size > 0 && value->data[0] == '"') {
		*value = span_skip(*value, 1);
		*value = span_first(*value, span_find(*value, '"'));
	} else {
		*value = span_first(*value, span_find(*value, ' '));
	}
	return true;
}

static void
take_login(struct doctor_facts *facts, struct span line)
{
	struct span user, address;
	if (facts->login_count == LOGINS ||
	    !find_field(line, " user=", &user) || user.size == 0 ||
	    !find_field(line, " client=", &address))
		return;
	facts->login[facts->login_count++] = (struct doctor_login){
		.user = arena_copy_string(facts->arena, user),
		.address = arena_copy_string(facts->arena, address) };
}

static void
read_log(struct doctor_facts *facts, struct span text)
{
	char since[25];
	struct span line, last = SPAN("");
	clock_format_iso(facts->now - 24 * 3600 * 1000, since);
	while (span_split(&text, '\n', &line)) {
		if (line.size < STAMP + 8 || memcmp(line.data, since,
		    STAMP) < 0)
			continue;
		if (span_starts(span_skip(line, STAMP), SPAN(" error "))) {
			facts->log.errors++;
			last = line;
		} else if (span_search(line, SPAN(" event=login ")) <
		    line.size) {
			take_login(facts, line);
		}
	}
	facts->log.last = arena_copy_string(facts->arena,
		span_first(last, 300));
}

void
doctor_look_log(struct doctor_facts *facts)
{
	struct stat status;
	const char *path = arena_print(facts->arena, "%s/log/posthouse.log",
		config_text(facts->config, "data_directory")).data;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	facts->login = arena_new_array(facts->arena, LOGINS,
		sizeof(*facts->login));
	if (fd < 0 || fstat(fd, &status) < 0) {
		file_close(&fd);
		return;
	}
	/* Its end; what is older than that is passed over. */
	off_t start = status.st_size > LOG_BYTES ? status.st_size - LOG_BYTES :
		0;
	char *bytes = arena_new(facts->arena, LOG_BYTES);
	ssize_t n = pread(fd, bytes, LOG_BYTES, start);
	file_close(&fd);
	if (n > 0)
		read_log(facts, span_of(bytes, (size_t)n));
}
