"""Other words for the declared fields: what ``probe`` proposes, and nobody else uses.

Paths are compared without their styles and dots: ``customer.first_name`` is
``customerfirstname``. The first of several that came is proposed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from roster_platform.records.field_mapping import Path, style_key

_BUYER = "customer buyer shopper client purchaser billing"
_MEMBER = "contact ambassador member advocate person user affiliate influencer"
_THING = "{0} {0}key {0}uid {0}uuid {0}ref"

SYNONYMS: Mapping[str, str] = {
    "id": "key uid uuid guid _id identifier ref externalid",
    "orderid": "orderkey number reference uid externalid key",
    "ordernumber": "number orderno no ordername displaynumber reference",
    "orderdate": "date placedat orderedat placedon purchasedat purchasedate processedat "
    "ordertime createdat created",
    "totalprice": "total totalamount amounttotal grandtotal ordertotal totalvalue "
    "totals.total totals.grand amount price value",
    "subtotalprice": "subtotal subtotalamount amountsubtotal totals.subtotal netamount "
    "nettotal itemstotal net",
    "refundedamount": "refunded refundamount refundtotal amountrefunded totalrefunded "
    "totals.refunded refund refunds.total",
    "currency": "currencycode isocurrency currencyiso ccy",
    "firstname": "givenname first fname forename name.first",
    "lastname": "familyname surname last lname name.last",
    "email": "emailaddress mail emailid",
    "referralid": "referralcode refid ref rstr linkid smartlinkid affiliateid referral "
    "referrerid wreferrerid referralkey",
    "contactid": f"{_MEMBER} memberid ambassadorid advocateid personid userid affiliateid "
    "influencerid assignedto owner ownerid",
    "authorid": f"author {_MEMBER} memberid contactid userid ambassadorid creatorid "
    "postedby createdby creator poster by",
    "authorname": "displayname author creatorname postedbyname username",
    "body": "text content message caption comment",
    "reach": "impressions views viewcount seenby",
    "createdat": "created createdon datecreated creationdate createddate createdtime "
    "createtime creationtime insertedat addedat timestamp",
    "updatedat": "updated updatedon dateupdated updateddate updatetime modified "
    "modifiedat modifiedon datemodified lastmodified lastmodifiedat lastupdated "
    "lastupdatedat changedat",
    "occurredat": "occurred happenedat timestamp time eventtime eventdate date at ts "
    "occurredon createdat created",
    "addedat": "added addedon dateadded invitedat createdat created",
    "sentat": "sent senton datesent",
    "openedat": "opened openedon dateopened",
    "joinedat": "joined joinedon datejoined acceptedat",
    "completedat": "completed completedon datecompleted finishedat",
    "assignedat": "assigned assignedon dateassigned assigneddate assignmentdate",
    "startdate": "start startsat startson startat startsdate from begindate begins",
    "enddate": "end endsat endson endat to until finishdate",
    "type": "eventtype kind event name action topic",
    "status": "state",
    "stage": "status lifecyclestage state contactstage",
    "amount": "value rewardamount total sum price",
    "rewardid": "reward",
    "orderid ": "order",
    "programid": "program programme programmeid",
    "channelid": "channel group groupid",
    "postid": "post parentid parent",
    "code": "discountcode couponcode coupon promocode voucher value text name",
    "discountruleid": "ruleid rule discountrule priceruleid campaignruleid",
    "discountrulename": "rulename",
    "discountrulekind": "ruletype rulekind kind type",
    "ispersonal": "personal personaluse isown",
    "name": "title displayname label",
    "description": "about summary details",
    "commissiontype": "rewardtype payouttype",
    "commissionvalue": "commissionrate commissionamount commissionpercent commission "
    "rewardvalue payoutvalue",
    "lookbackdays": "lookback lookbackwindow lookbackperiod windowdays",
    "minrevenue": "threshold minimum min from minimumrevenue revenuefrom",
    "rate": "percent percentage value commission commissionrate",
    "url": "link endpoint targeturl callbackurl address target",
    "topic": "event eventtype type",
    "sku": "productsku variantsku itemsku productcode",
    "quantity": "qty count units pieces",
    "price": "unitprice unitamount priceeach unitcost amount",
    "socialhandle": "handle social instagram instagramhandle username",
    "discordhandle": "discord discordname discordusername",
    "redemption": "redeemed rewarddetails fulfillment shipment",
    "discountcodes": "codes coupons discounts promocodes couponcodes vouchers",
    "lineitems": "items lines products orderitems orderlines positions",
    "participants": "members contacts ambassadors recipients people",
    "commissiontiers": "tiers levels steps",
    # Auto Rosters
    "discordid": "discord userid id memberid snowflake",
    "discordusername": "username handle discordname discordtag",
    "rank": "rankname role position",
    "promotiondate": "promotedat promotedon lastpromotion lastpromoted datepromoted",
    "promotionofficer": "promotedby officer promoter",
    "patrolhours": "hours patroltime",
    "certifications": "certs certificates qualifications",
    "subdivisions": "divisions units departments",
    "rankname": "name title label",
    "roleid": "role discordroleid id",
    "iscommand": "command commandrank iscommandrank",
    "customtitle": "title name",
    "customurlpath": "urlpath slug path",
    "publicurl": "url link",
    "ownerid": "owner",
    "users": "members people personnel roster",
    "ranks": "groups roles hierarchy",
}
_PARENTS: Mapping[str, str] = {
    "firstname": f"{_BUYER} {_MEMBER} profile",
    "lastname": f"{_BUYER} {_MEMBER} profile",
    "email": f"{_BUYER} {_MEMBER} profile",
    "authorname": f"author {_MEMBER} creator",
    "discountrulename": "rule discountrule",
    "discountrulekind": "rule discountrule",
    "amount": "reward payout commission",
    "currency": "reward payout commission",
}
"""Objects in which a field may be under its plain name: ``customer.email``."""
_PLAIN: Mapping[str, str] = {
    "authorname": "name displayname",
    "discountrulename": "name title",
    "discountrulekind": "kind type",
    "amount": "value total",
}
_KEYS = "id key uid uuid code"


def words_for(field: str) -> Iterator[str]:
    """Yield the joined paths that may be a declared field, the likeliest first."""
    key = style_key(field)
    yield key
    plain = [key, *_PLAIN.get(key, "").split()]
    for parent in _PARENTS.get(key, "").split():
        for name in (*plain, *SYNONYMS.get(key, "").split()):
            yield parent + name
    for synonym in SYNONYMS.get(key, "").split():
        word = synonym.replace(".", "")
        yield word
        # An object in the key's place: its own key.
        if key.endswith("id"):
            yield from (word + name for name in _KEYS.split())
    if key.endswith("id"):
        thing = key.removesuffix("id")
        yield thing
        yield from (thing + name for name in _KEYS.split())


def joined(path: Path) -> str:
    """A path as one word."""
    return "".join(map(style_key, path))


def ranked(field: str, paths: Iterable[Path]) -> list[Path]:
    """Return the paths that may be a declared field, the likeliest first."""
    words = {word: place for place, word in reversed(list(enumerate(words_for(field))))}
    known = [path for path in paths if joined(path) in words]
    return sorted(known, key=lambda path: (words[joined(path)], len(path), path))
