/*
 * `config import --bind` of texts of any bytes: named.conf and the files that it
 * includes; see import_world.h.
 */
enum { PIECES = 5 };

#include "import_world.h"

static const char *const names[PIECES] = { "b/named.conf", "/1", "/2", "b/3",
	"b/4" };

/* Settings of the DNS open no file. */
static int
check_settings(const char *const *settings, size_t count, struct error *error)
{
	struct config *config = NULL;
	int result = config_load(NULL, settings, count, &config, error);
	config_free(&config);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cut_pieces(data, size);
	try_import(NULL, NULL, "b/named.conf");
	return 0;
}
