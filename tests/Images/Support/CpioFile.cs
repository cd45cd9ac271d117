using System.Globalization;
using System.Text;

namespace NitroEnclaves.Images.Tests;

/// <summary>One file of a newc archive, read by a reader that shares nothing with the product's writer.</summary>
sealed record CpioFile(string Name, uint[] Fields, byte[] Data)
{
    public uint Inode => Fields[0];

    public uint Mode => Fields[1];

    public uint UserId => Fields[2];

    public uint GroupId => Fields[3];

    public uint Links => Fields[4];

    public uint ModificationTime => Fields[5];

    public FileNodeType Type => (FileNodeType)(Mode & 0xF000);

    /// <summary>Reads an archive to its trailer, and checks that only zeros follow, up to a multiple of 512.</summary>
    public static List<CpioFile> ReadAll(byte[] archive)
    {
        var files = new List<CpioFile>();
        int position = 0;
        while (true)
        {
            Assert.Equal("070701", Encoding.ASCII.GetString(archive, position, 6));
            uint[] fields = [.. Enumerable.Range(0, 13).Select(i =>
                uint.Parse(Encoding.ASCII.GetString(archive, position + 6 + (8 * i), 8), NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture))];
            int nameStart = position + 110;
            int nameLength = (int)fields[11] - 1;
            Assert.Equal(0, archive[nameStart + nameLength]);
            int dataStart = Align(nameStart + nameLength + 1);
            int size = (int)fields[6];
            position = Align(dataStart + size);
            string name = Encoding.UTF8.GetString(archive, nameStart, nameLength);
            if (name == "TRAILER!!!")
            {
                break;
            }

            files.Add(new CpioFile(name, fields, archive.AsSpan(dataStart, size).ToArray()));
        }

        Assert.Equal(0, archive.Length % 512);
        Assert.True(archive.Length - position < 512);
        Assert.False(archive.AsSpan(position).ContainsAnyExcept((byte)0));
        return files;

        static int Align(int offset) => (offset + 3) & ~3;
    }
}
