"""The words by which APIs say how their lists continue: the one list of them.

``totalCount``, ``total_count``, ``TotalCount`` and ``total-count`` are one word. Words that
mean something else as often (``count``, ``done``, ``last``) count in fewer places.
"""

from __future__ import annotations


def of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


PAGING_OBJECTS = of(
    "pagination paging page pages pageinfo pageinformation paginationinfo paginginfo "
    "paginationmeta meta metadata links link cursor cursors info responsemetadata "
    "listmetadata pager resultinfo searchmetadata"
)
TOTAL = of(
    "totalcount totalitems totalrecords totalresults totalelements totalrows "
    "totalentries totalobjects totalhits totalsize totalnumber totalamountofrecords "
    "recordcount recordstotal recordcounttotal numfound numberofrecords "
    "numberofitems itemcount itemstotal resultcount resultstotal fullcount "
    "overallcount grandtotalcount odatacount"
)
# Of a page in some APIs, of everything in others; "total" may also be money.
DOUBTFUL_TOTAL = of("total count")
DOUBTFUL_TOTAL_IN_PAGING = of("results items records rows elements")
TOTAL_PAGES = of(
    "totalpages pages lastpage pagecount pagestotal pagetotal totalpagecount "
    "numberofpages numpages maxpage maxpages lastpagenumber"
)
PAGE_SIZE = of(
    "pagesize perpage limit itemsperpage resultsperpage recordsperpage size take "
    "pagelimit maxperpage"
)
HAS_MORE = of(
    "hasmore hasnext hasnextpage hasmorepages hasmoreitems hasmoreresults "
    "hasmorerecords hasmoredata moreavailable moreresults moreresultsavailable morepages "
    "nextpageexists ismore istruncated"
)
HAS_MORE_IN_PAGING = of("more truncated")
# Only what is true counts: that nothing is left out does not say that nothing follows.
IS_PART = of(
    "partial ispartial partialresult partialresults incomplete isincomplete "
    "incompleteresult incompleteresults"
)
IS_LAST = of("islast islastpage isfinal isfinalpage lastpage nomore")
IS_LAST_IN_PAGING = of("last end isend atend done finished complete eof")
NEXT_URL = of(
    "next nexturl nexturi nexthref nextlink nextpage nextpageurl nextpageuri "
    "nextpagelink nextpagehref nextrecordsurl odatanextlink nextresults"
)
CURSOR = of(
    "nextcursor nextpagetoken nexttoken nextpagecursor nextpageid nextmarker "
    "nextoffset nextstart nextkey nextid nextcontinuationtoken continuationtoken "
    "continuation cursornext nextafter nextbookmark nextsearchafter nextsince"
)
# These may also repeat what was asked for, so they count where no other word does.
WEAK_CURSOR = of("endcursor startingafter pagetoken bookmark")
WEAK_CURSOR_IN_PAGING = of("cursor token marker after")
NEXT_PAGE = of("nextpage nextpagenumber next")
HAS_PREVIOUS = of("hasprevious hasprev haspreviouspage hasprevpage")
IS_FIRST = of("isfirst isfirstpage first")
PREVIOUS = of(
    "previous prev previousurl prevurl previouspage prevpage previouspageurl "
    "prevpageurl previouslink prevlink previouscursor prevcursor"
)
OFFSETS = {"offset": "limit", "skip": "take", "start": "limit", "startindex": "count"}
LIMITS = ("limit", "take", "size", "count", "pagesize", "maxresults")
# Next to these a "total" is money.
MONEY = of(
    "currency subtotal tax taxes amount amounts price shipping discount grandtotal "
    "totalprice revenue sum"
)
# What a 200 with an error in it says, at its top or in an object about the answer there.
ABOUT_ANSWER = of("meta metadata status responsestatus responseheader header")
ERRORS = of(
    "error errors errormessage errormessages errorcode errordescription errordetails "
    "exception exceptionmessage fault"
)
HAS_ERROR = of("haserror haserrors iserror")
IS_SUCCESS = of("success ok issuccess issuccessful succeeded successful")
STATUS = of(
    "status statuscode httpstatus httpstatuscode httpcode code responsecode resultcode"
)
STATUS_OF_ERROR = of("error fail failed failure exception unauthorized forbidden")
