/*
 * `config import` of texts of any bytes: main.cf, master.cf, dovecot.conf and the
 * files that they name; see import_world.h.
 */
enum { PIECES = 10 };

#include "import_world.h"

static const char *const names[PIECES] = { "m/main.cf", "m/master.cf",
	"d/dovecot.conf", "/3", "/4", "/5", "d/6", "d/7", "d/8", "d/9" };

/* As far as no file is asked for: a list may name one. */
static int
check_settings(const char *const *settings, size_t count, struct error *error)
{
	struct config *config = NULL;
	const char **plain = memory_new_array(count + 1, sizeof(*plain));
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (strpbrk(settings[i], "/$") == NULL)
			plain[kept++] = settings[i];
	int result = config_load(NULL, plain, kept, &config, error);
	config_free(&config);
	memory_free(plain);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cut_pieces(data, size);
	try_import("m", "d", NULL);
	return 0;
}
