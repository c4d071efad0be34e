/* sock SCENARIO key=value ...: runs one scenario. See trace.h. */
#include "trace.h"

static const struct scenario *const tables[] = {
	client_scenarios, event_scenarios, server_scenarios, signal_scenarios, process_scenarios,
	bulk_scenarios, call_scenarios, option_scenarios, address_scenarios, plain_scenarios,
	contract_scenarios, end_scenarios, hostile_scenarios, death_scenarios, crowd_scenarios,
};

static void set(const char *key, const char *value)
{
	if (!strcmp(key, "proto")) cfg.proto = atoi(value);
	else if (!strcmp(key, "family")) cfg.family = atoi(value) == 6 ? AF_INET6 : AF_INET;
	else if (!strcmp(key, "port")) cfg.port = atoi(value);
	else if (!strcmp(key, "other")) cfg.other = atoi(value);
	else if (!strcmp(key, "name")) cfg.name = value;
	else if (!strcmp(key, "ca")) cfg.ca = value;
	else if (!strcmp(key, "chain")) cfg.chain = value;
	else if (!strcmp(key, "key")) cfg.key = value;
	else if (!strcmp(key, "file")) cfg.file = value;
	else if (!strcmp(key, "bytes")) cfg.bytes = atol(value);
	else if (!strcmp(key, "fd")) cfg.fd = atoi(value);
	else { fprintf(stderr, "sock: unknown setting %s\n", key); exit(2); }
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc < 2) {
		fprintf(stderr, "usage: sock SCENARIO key=value ...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		char *eq = strchr(argv[i], '=');
		if (!eq) { fprintf(stderr, "sock: not key=value: %s\n", argv[i]); return 2; }
		*eq = 0;
		set(argv[i], eq + 1);
		*eq = '='; /* exec passes the same arguments on */
	}
	for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
		for (const struct scenario *s = tables[t]; s->name; s++)
			if (!strcmp(s->name, argv[1])) {
				s->run();
				return 0;
			}
	fprintf(stderr, "sock: no scenario %s\n", argv[1]);
	return 2;
}
