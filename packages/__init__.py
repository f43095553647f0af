"""What others install: its documents are made here, and what was built is tried.

    manual       the manual pages, from the commands and the configuration's model
    chart        what the chart for Kubernetes repeats of the program
    test_dist    wheel and sdist as `make dist` builds them
    test_chart   the chart, rendered by Helm's own engine
    test_lock    the pins of the container

The tests here build, install and start what they look at; ``make dist`` runs them, and
``make test`` does not.
"""
