# shellcheck shell=bash
# Brings Debian packages into the cache folder, sourced by the scripts beside it.
#
# Nothing of the host changes and nothing needs root: apt runs with a state of its own, whose empty dpkg status
# makes it fetch a package together with every library it needs, and packages are unpacked, never installed.
# apt checks the archive's signatures against Debian's keyring as it always does.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/nitro-enclaves
suite=trixie

# Where a script looks for packages; one that wants others sets this after sourcing.
suites=("$suite" "$suite-updates" "$suite-backports")

say() { printf '%s\n' "$*" >&2; }

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# One script at a time changes the cache; the others wait and then find the work done.
lock_cache() {
    mkdir -p "$cache"
    exec 9>"$cache/.lock"
    if ! flock --nonblock 9; then
        say "${0##*/}: waiting for another set-up to finish"
        flock 9
    fi
}

# temporary_folder NAME: sets $temporary to a folder inside the cache (so that a rename out of it is atomic),
# removed when the script ends, whichever way it ends.
temporary_folder() {
    temporary=$(mktemp -d "$cache/.$1.XXXXXX")
    trap 'rm -rf "$temporary"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# publish FOLDER VERSION: moves $temporary/FOLDER to $cache/FOLDER/VERSION and lets "current" point there.
publish() {
    mkdir -p "$cache/$1"
    rm -rf "${cache:?}/$1/$2"
    mv -T "$temporary/$1" "$cache/$1/$2"
    point_current "$1" "$2"
}

# point_current FOLDER VERSION: a link is replaced by rename; nobody ever sees it missing.
point_current() {
    ln -s "$2" "$cache/$1/.current.$$"
    mv -T "$cache/$1/.current.$$" "$cache/$1/current"
}

size_of() { du -sh --apparent-size "$1" | cut -f1; }

debian_mirror() {
    if [[ -n ${DEBIAN_MIRROR:-} ]]; then
        printf '%s\n' "$DEBIAN_MIRROR"
        return
    fi
    local id='' codename=''
    # shellcheck disable=SC1091
    [[ -r /etc/os-release ]] && id=$(. /etc/os-release && printf '%s' "${ID:-}") \
        && codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    [[ $id == debian ]] || fail "the host's package sources are not Debian's: set DEBIAN_MIRROR to the address" \
        "of a Debian mirror (what stands before /dists on it); Debian lists them under \"mirrors\""
    # apt itself reads the host's sources in whatever form they have. The mirror is where the host's own suite comes
    # from; a third party's archive may use the suite's name too, but has no -updates beside it.
    local mirror
    mirror=$(apt-get --print-uris update 2>/dev/null | awk -v suite="$codename" '
        match($1, "/dists/[^/]+/InRelease") {
            uri = substr($1, 2, RSTART - 2)
            name = substr($1, RSTART + 7, RLENGTH - 17)
            if (uri ~ /^cdrom:/ || name ~ /security/) next
            if (!first || (name == suite && !found)) { first = uri; found = name == suite }
            if (name == suite "-updates") { print uri; done = 1; exit }
        }
        END { if (!done && first) print first }')
    [[ -n $mirror ]] || fail "found no Debian mirror in the host's package sources: set DEBIAN_MIRROR to the address of one"
    printf '%s\n' "$mirror"
}

debian_keyring() {
    local keyring
    for keyring in "${DEBIAN_KEYRING:-}" /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
        if [[ -r $keyring ]]; then
            printf '%s\n' "$keyring"
            return
        fi
    done
    fail "Debian's archive keys are not here: install the package debian-archive-keyring," \
        "or unpack it anywhere and set DEBIAN_KEYRING to its debian-archive-keyring.gpg"
}

# Sets up apt's private state, once per script, and refreshes the package lists.
open_archive() {
    command -v apt-get dpkg-deb >/dev/null || fail "apt and dpkg are needed to fetch Debian packages; this host has none"
    [[ $(dpkg --print-architecture) == amd64 ]] || fail "only x86_64 hosts are supported so far"
    local apt=$cache/apt mirror keyring source
    mirror=$(debian_mirror)
    keyring=$(debian_keyring)
    mkdir -p "$apt"/{lists/partial,archives/partial,empty}
    : >"$apt/status"
    for source in "${suites[@]}"; do
        printf 'deb [arch=amd64 signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$source"
        printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$source"
    done >"$apt/sources.list"
    {
        # How the host reaches archives (proxies, certificates, credentials) holds here as well; its hooks do not.
        apt-config dump --format '%F "%v";%n' Acquire \
            | grep -E '^Acquire::(https?|Retries|ForceIPv[46]|Check-Date|Check-Valid-Until)(:| )' || true
        cat <<EOF
Dir::Etc::parts "$apt/empty";
Dir::Etc::main "/dev/null";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/empty";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$apt/empty";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "$apt";
APT::Sandbox::User "";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
EOF
    } >"$apt/apt.conf"
    export APT_CONFIG=$apt/apt.conf
    apt-get --quiet=2 --error-on=any update >"$apt/update.log" 2>&1 \
        || fail "cannot read the package lists of $mirror (DEBIAN_MIRROR names another):"$'\n'"$(tail -n 5 "$apt/update.log")"
}

# pinned_version PACKAGE VERSION: prints VERSION where the mirror has it, else the newest of the suite.
pinned_version() {
    local candidate
    if apt-cache madison "$1" | awk -F ' *[|] *' -v version="$2" '$2 == version { found = 1 } END { exit !found }'; then
        printf '%s\n' "$2"
        return
    fi
    candidate=$(apt-cache madison "$1" | awk -F ' *[|] *' -v suite=" $suite/" 'index($3, suite) { print $2; exit }')
    [[ -n $candidate ]] || fail "the mirror has no package $1 in $suite"
    say "  note: $1 $2 has left the mirror; taking $candidate, so measurements differ from those of the pinned version"
    printf '%s\n' "$candidate"
}

# fetch_packages FOLDER PACKAGE=VERSION...: these packages alone, unpacked into FOLDER.
fetch_packages() {
    local folder=$1 archives=$temporary/archives
    shift
    mkdir -p "$folder" "$archives"
    (cd "$archives" && apt-get --quiet=2 download "$@" >download.log 2>&1) \
        || fail "cannot download $*:"$'\n'"$(tail -n 5 "$archives/download.log")"
    unpack_archives "$archives" "$folder"
}

# fetch_with_dependencies FOLDER OPTION|PACKAGE...: these packages and all they depend on, unpacked into FOLDER.
fetch_with_dependencies() {
    local folder=$1 archives=$temporary/archives
    shift
    mkdir -p "$folder" "$archives/partial"
    apt-get --quiet=2 --yes --download-only -o "Dir::Cache::archives=$archives" install "$@" >"$archives/download.log" 2>&1 \
        || fail "cannot download $*:"$'\n'"$(tail -n 5 "$archives/download.log")"
    unpack_archives "$archives" "$folder"
}

unpack_archives() {
    local archive count=0
    for archive in "$1"/*.deb; do
        dpkg-deb --extract "$archive" "$2"
        count=$((count + 1))
    done
    say "  fetched $count package(s), $(size_of "$1")"
    rm -rf "$1"
}

# Tools of a suite run in a root of their own, whatever the host has: in a namespace with mounts of its own, which an ordinary
# user gets only together with a user namespace.
namespaces=(--mount)
[[ $(id -u) == 0 ]] || namespaces+=(--user --map-root-user)

# in_root COMMAND...: runs a command inside $root.
in_root() {
    # shellcheck disable=SC2016
    unshare "${namespaces[@]}" bash -c '
        set -e
        root=$1; shift
        mount --rbind /dev "$root/dev"
        mount --rbind /proc "$root/proc"
        exec chroot "$root" "$@"' in_root "$root" "$@"
}
