using System.Globalization;
using System.Text;

namespace NitroEnclaves.Images;

/// <summary>
/// The records of PAX extended headers that matter here: each is "length keyword=value\n", the length counting all of it; an empty
/// value takes back what a global header said.
/// </summary>
sealed class PaxHeader
{
    readonly StringBuilder _sparsePairs = new();
    string? _sparseName;
    string? _path;
    string? _sparseMap;
    bool _version1;

    public PaxHeader()
    {
    }

    /// <summary>Begins with what a global header said.</summary>
    public PaxHeader(PaxHeader global)
    {
        _path = global._path;
        LinkPath = global.LinkPath;
        Size = global.Size;
        UserId = global.UserId;
        GroupId = global.GroupId;
        ModificationTime = global.ModificationTime;
    }

    public string? Path => _sparseName ?? _path;

    public string? LinkPath { get; private set; }

    public long? Size { get; private set; }

    public long? UserId { get; private set; }

    public long? GroupId { get; private set; }

    public long? ModificationTime { get; private set; }

    /// <summary>A sparse file's full size.</summary>
    public long? SparseSize { get; private set; }

    /// <summary>"offset,length,..." of a sparse file of the formats 0.0 and 0.1.</summary>
    public string? SparseMap => _sparseMap ?? (_sparsePairs.Length > 0 ? _sparsePairs.ToString() : null);

    /// <summary>True for a sparse file of the format 1.0, whose map is in its data.</summary>
    public bool IsSparseVersion1 => _version1 && _sparseMap is null && _sparsePairs.Length == 0;

    /// <summary>Takes in the records of one extended header.</summary>
    /// <exception cref="RootFileSystemException">They are malformed.</exception>
    public void Read(ReadOnlySpan<byte> records, long offset)
    {
        while (!records.IsEmpty)
        {
            int space = records.IndexOf((byte)' ');
            if (space <= 0 || !int.TryParse(records[..space], NumberStyles.None, CultureInfo.InvariantCulture, out int length)
                || length <= space + 1 || length > records.Length || records[length - 1] != (byte)'\n')
            {
                throw TarReader.Malformed(offset, "an extended header's record has a wrong length");
            }

            var record = records[(space + 1)..(length - 1)];
            int equals = record.IndexOf((byte)'=');
            if (equals <= 0)
            {
                throw TarReader.Malformed(offset, "an extended header's record has no keyword");
            }

            Take(Encoding.UTF8.GetString(record[..equals]), record[(equals + 1)..], offset);
            records = records[length..];
        }
    }

    void Take(string keyword, ReadOnlySpan<byte> value, long offset)
    {
        switch (keyword)
        {
            case "path":
                _path = Text(value, offset);
                break;
            case "linkpath":
                LinkPath = Text(value, offset);
                break;
            case "size":
                Size = Number(value, offset);
                break;
            case "uid":
                UserId = Number(value, offset);
                break;
            case "gid":
                GroupId = Number(value, offset);
                break;
            case "mtime":
                ModificationTime = Seconds(value, offset);
                break;
            case "GNU.sparse.name":
                _sparseName = Text(value, offset);
                break;
            case "GNU.sparse.size" or "GNU.sparse.realsize":
                SparseSize = Number(value, offset);
                break;
            case "GNU.sparse.map":
                _sparseMap = Text(value, offset);
                break;
            case "GNU.sparse.offset" or "GNU.sparse.numbytes":
                _sparsePairs.Append(_sparsePairs.Length == 0 ? "" : ",").Append(Number(value, offset));
                break;
            case "GNU.sparse.major":
                _version1 = Number(value, offset) == 1;
                break;
            default:
                break;
        }
    }

    static string? Text(ReadOnlySpan<byte> value, long offset)
    {
        if (value.Contains((byte)0))
        {
            throw TarReader.Malformed(offset, "an extended header's text holds a NUL");
        }

        return value.IsEmpty ? null : UnixPath.Decode(value);
    }

    static long? Number(ReadOnlySpan<byte> value, long offset)
    {
        if (value.IsEmpty)
        {
            return null;
        }

        return long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw TarReader.Malformed(offset, "an extended header's number is none");
    }

    static long? Seconds(ReadOnlySpan<byte> value, long offset)
    {
        if (value.IsEmpty)
        {
            return null;
        }

        // Fractions are dropped towards the past, as time stamps are.
        int point = value.IndexOf((byte)'.');
        var whole = point < 0 ? value : value[..point];
        if (!long.TryParse(whole, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long seconds))
        {
            throw TarReader.Malformed(offset, "an extended header's time is none");
        }

        bool fraction = point >= 0 && value[(point + 1)..].ContainsAnyExcept((byte)'0');
        return fraction && whole[0] == (byte)'-' ? seconds - 1 : seconds;
    }
}
