"""What the platform guarantees when everything around it goes wrong, one sentence each."""

PROMISES = {
    "Broken answers": "Errors, resets, stalls and broken bodies at a tenth of the answers "
    "lose and duplicate no row.",
    "Rate limits": "An API is never asked again earlier than it said, by any request.",
    "Refused tokens": "After the first 401 nothing is asked again.",
    "Refused parts": "What the API refuses or breaks harms no other endpoint or page, and "
    "its own rows stay.",
    "API down": "A run against an API that is down ends within a bounded number of "
    "requests, says so, and loses nothing.",
    "Any JSON": "Whatever JSON an API sends, every value lands exactly, or as text next "
    "to a named finding; the declared columns always have their declared types.",
    "Any answer": "Whatever bytes an API answers, a read ends in pages or in an error that "
    "names the API.",
    "Any page": "Whatever a roster page says, whoever can be read is a member, nobody is "
    "invented, and what cannot be read is named.",
    "Any life": "Whatever records say from read to read, with answers that break and loads "
    "that die: the table is what was read last, and the versions are what was read, in "
    "order and once.",
    "Any history": "Whatever pages say from read to read, read twice or not, built or not: "
    "the history has what every read said, and no other change.",
    "Odd data": "Odd values in a real load land exactly or raise a finding that names "
    "them, and the next clean run works.",
    "Odd paging": "A read always ends; it is complete, or says that it is not, and nothing "
    "that exists is marked as deleted.",
    "Hostile names": "Page ids and ids inside records reach no other path, file or SQL; "
    "what is not a page id is refused by name.",
    "Secrets": "No token reaches an output, log, event, state or table, nor another host, "
    "whatever the API echoes.",
    "Oversized answers": "An answer beyond its limit, or a decompression bomb, is cut off "
    "in bounded memory.",
    "Listening ports": "The sandbox, the web UI and the dashboard listen on this machine "
    "only.",
    "Killed in a fetch": "SIGKILL at a random time: one more run gives the tables of an "
    "undisturbed one, and leaves no folder and no lock.",
    "Killed in normalising": "The same, while dlt prepares what was read.",
    "Killed in a load": "The same, while rows are written.",
    "Killed in a build": "The same, for the models; the dbt of a process that died ends "
    "with it.",
    "Killed in a publication": "The same; readers see the old or the new file, never half.",
    "Killed in the outbox": "The same; each click is sent once in effect.",
    "Killed in a long read": "SIGKILL at any answer, again and again: the next continues, "
    "asks nothing again but what was under way, and leaves what an undisturbed one leaves.",
    "Killed as a command": "The same, for whole commands, at any time after their start.",
    "Runs at once": "Runs started at once by commands, the UI's way and for overlapping "
    "pages all finish, and leave what one run leaves.",
    "Disks": "A cut off log, a full disk, a folder that cannot be written: the message "
    "says so, earlier rows can be read, and the next run works.",
    "Readers": "Whoever reads the published file meanwhile sees one whole publication.",
    "Contract": "Each endpoint: a bad token is reported, records are as declared, every "
    "declared field comes, two reads are equal, a cursor in the future gives nothing.",
}
