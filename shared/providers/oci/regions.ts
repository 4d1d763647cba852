/** One of Oracle's regions: where a signed request may be sent. */
export interface OciRegion {
  /** `us-ashburn-1` */
  id: string;
  /** `oc1`; ids of a tenancy and of a user carry it too. */
  realm: string;
  /** `oraclecloud.com` */
  domain: string;
}

/**
 * Every region by realm and second-level domain. A host is only ever made of what stands here, so that no
 * text of a customer's decides where a request goes. Source: oci-common 2.139.1 (85 regions, 20 realms), read
 * 2026-11-20; a newer region is added here.
 */
const REALMS: ReadonlyArray<readonly [realm: string, domain: string, regions: string]> = [
  [
    "oc1",
    "oraclecloud.com",
    `af-casablanca-1 af-johannesburg-1 ap-batam-1 ap-chuncheon-1 ap-delhi-1
     ap-hyderabad-1 ap-kulai-2 ap-melbourne-1 ap-mumbai-1 ap-osaka-1 ap-seoul-1
     ap-singapore-1 ap-singapore-2 ap-sydney-1 ap-tokyo-1 ca-montreal-1
     ca-toronto-1 eu-amsterdam-1 eu-frankfurt-1 eu-madrid-1 eu-madrid-3
     eu-marseille-1 eu-milan-1 eu-paris-1 eu-stockholm-1 eu-turin-1 eu-zurich-1
     il-jerusalem-1 me-abudhabi-1 me-dubai-1 me-jeddah-1 me-riyadh-1
     mx-monterrey-1 mx-queretaro-1 sa-bogota-1 sa-santiago-1 sa-saopaulo-1
     sa-valparaiso-1 sa-vinhedo-1 uk-cardiff-1 uk-london-1 us-ashburn-1
     us-chicago-1 us-phoenix-1 us-saltlake-2 us-sanjose-1`,
  ],
  ["oc2", "oraclegovcloud.com", "us-langley-1 us-luke-1"],
  ["oc3", "oraclegovcloud.com", "us-gov-ashburn-1 us-gov-chicago-1 us-gov-phoenix-1"],
  ["oc4", "oraclegovcloud.uk", "uk-gov-cardiff-1 uk-gov-london-1"],
  ["oc8", "oraclecloud8.com", "ap-chiyoda-1 ap-ibaraki-1"],
  ["oc9", "oraclecloud9.com", "me-dcc-muscat-1 me-ibri-1"],
  ["oc10", "oraclecloud10.com", "ap-dcc-canberra-1"],
  [
    "oc14",
    "oraclecloud14.com",
    `eu-dcc-dublin-1 eu-dcc-dublin-2 eu-dcc-milan-1 eu-dcc-milan-2 eu-dcc-rating-1
     eu-dcc-rating-2`,
  ],
  ["oc15", "oraclecloud15.com", "ap-dcc-gazipur-1"],
  ["oc19", "oraclecloud.eu", "eu-frankfurt-2 eu-madrid-2"],
  ["oc20", "oraclecloud20.com", "eu-jovanovac-1"],
  ["oc21", "oraclecloud21.com", "me-alrayyan-1 me-dcc-doha-1"],
  ["oc23", "oraclecloud23.com", "us-somerset-1 us-thames-1"],
  ["oc24", "oraclecloud24.com", "eu-crissier-1 eu-dcc-zurich-1"],
  ["oc26", "oraclecloud26.com", "me-abudhabi-3 me-alain-1"],
  ["oc29", "oraclecloud29.com", "me-abudhabi-2 me-abudhabi-4"],
  ["oc35", "oraclecloud35.com", "ap-chuncheon-2 ap-seoul-2 ap-suwon-1"],
  ["oc42", "oraclecloud42.com", "us-ashburn-2 us-newark-1"],
  ["oc51", "oraclecloud51.com", "eu-budapest-1"],
  ["oc52", "oraclecloud52.com", "sa-riodejaneiro-1"],
];

const regions: ReadonlyMap<string, OciRegion> = new Map(
  REALMS.flatMap(([realm, domain, list]) =>
    list.split(/\s+/).map((id): [string, OciRegion] => [id, { id, realm, domain }]),
  ),
);
const realms: ReadonlySet<string> = new Set(REALMS.map(([realm]) => realm));

/** Every region that is known. */
export function ociRegions(): OciRegion[] {
  return [...regions.values()];
}

/** The region of this id, exactly; `null` where there is none. */
export function ociRegion(id: string): OciRegion | null {
  return regions.get(id) ?? null;
}

/** Whether Oracle has such a realm. */
export function isRealm(realm: string): boolean {
  return realms.has(realm);
}

/** The realm in an OCID, `ocid1.user.oc1..aaaa`. */
export function realmOf(ocid: string): string {
  return ocid.split(".")[2] ?? "";
}

/** Endpoints of the registry as Oracle has them; each stands for the same service in every region. */
const OWN: Readonly<Record<string, string>> = {
  identity: "https://identity.us-ashburn-1.oci.oraclecloud.com",
  usage: "https://usageapi.us-ashburn-1.oci.oraclecloud.com",
};

/** Where a service is asked in a region: its host there, or the endpoint as it is where it is not Oracle's own. */
export function ociBase(
  endpoints: Readonly<Record<string, string>>,
  name: "identity" | "usage",
  region: OciRegion,
): string {
  const base = endpoints[name] ?? "";
  if (base !== OWN[name]) return base;
  const service = name === "usage" ? "usageapi" : name;
  return `https://${service}.${region.id}.oci.${region.domain}`;
}
