"""Three members of MySQL as real processes, each in a network of its own on this host, with their real agents
before a real API server. For fault tests that a whole cluster would only slow down."""
