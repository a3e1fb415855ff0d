"""`make bench`: prints what README states, each part by the module that measures it."""

from benchmarks import artefact, mail_costs

if __name__ == "__main__":
    artefact.main()
    mail_costs.main()
