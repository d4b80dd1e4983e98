// Files made in the browser: SVG and PNG at paper widths with their origin inside, and zip.
window.minimascope = window.minimascope || {};
(function (ms) {
  const INCH = 96, DPI = 300, encoder = new TextEncoder();

  const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
  });

  ms.crc32 = function (bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
  };

  function joined(parts) {
    const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) { out.set(part, at); at += part.length; }
    return out;
  }

  function numbers(little, ...values) {
    const view = new DataView(new ArrayBuffer(values.reduce((sum, [size]) => sum + size, 0)));
    let at = 0;
    for (const [size, value] of values) {
      size === 2 ? view.setUint16(at, value, little) : view.setUint32(at, value, little);
      at += size;
    }
    return new Uint8Array(view.buffer);
  }

  function chunk(type, data) {
    const body = joined([encoder.encode(type), data]);
    return joined([numbers(false, [4, data.length]), body, numbers(false, [4, ms.crc32(body)])]);
  }

  // PNG with its resolution and origin after the header (33 bytes).
  function labelled(png) {
    const perMetre = Math.round(DPI / 0.0254);
    const size = chunk("pHYs", joined([numbers(false, [4, perMetre], [4, perMetre]), Uint8Array.of(1)]));
    const text = chunk("iTXt", joined([encoder.encode("minimascope"), Uint8Array.of(0, 0, 0, 0, 0), encoder.encode(JSON.stringify(ms.about()))]));
    return joined([png.slice(0, 33), size, text, png.slice(33)]);
  }

  // The plot as it is now, in the light palette, laid out for `inches` of paper.
  ms.figureFor = function (plot, inches, picture = ms.pictures[plot]) {
    const width = Math.round(inches * INCH), shown = document.getElementById(plot);
    const figure = ms.inPalette("light", () => picture(width));
    if (!figure) return null;
    const shape = shown && shown.clientWidth ? shown.clientHeight / shown.clientWidth : 0.62;
    const fallback = Math.round(width * Math.min(Math.max(shape, 0.62), 1.1));
    const height = plot === "spectrum" || plot === "gap" || !figure.layout.height ? fallback : Math.round(figure.layout.height);
    return { data: figure.data, layout: { ...figure.layout, autosize: false, width, height } };
  };

  async function image(figure, format, scale) {
    const { width, height } = figure.layout;
    return window.Plotly.toImage(figure, { format, width, height, scale });
  }

  ms.svgOf = async function (figure) {
    const uri = await image(figure, "svg", 1), { width, height } = figure.layout;
    const about = JSON.stringify(ms.about()).replace(/&/g, "&amp;").replace(/</g, "&lt;");
    return decodeURIComponent(uri.slice(uri.indexOf(",") + 1))
      .replace(/width="[\d.]+" height="[\d.]+"/, `width="${width / INCH}in" height="${height / INCH}in"`)
      .replace(/(<svg[^>]*>)/, `$1<metadata>${about}</metadata>`);
  };

  ms.pngOf = async function (figure) {
    const uri = await image(figure, "png", DPI / INCH);
    return labelled(Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (c) => c.charCodeAt(0)));
  };

  // Zip archive without compression of [name, text or bytes].
  ms.zip = function (files) {
    const bodies = [], heads = [];
    let offset = 0;
    for (const [name, content] of files) {
      const data = typeof content === "string" ? encoder.encode(content) : content, path = encoder.encode(name);
      const common = numbers(true, [2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, ms.crc32(data)], [4, data.length], [4, data.length], [2, path.length], [2, 0]);
      const local = joined([numbers(true, [4, 0x04034b50]), common, path, data]);
      heads.push(joined([numbers(true, [4, 0x02014b50], [2, 20]), common, numbers(true, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), path]));
      bodies.push(local);
      offset += local.length;
    }
    const directory = joined(heads);
    const end = numbers(true, [4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, directory.length], [4, offset], [2, 0]);
    return joined([...bodies, directory, end]);
  };

  ms.save = function (name, content, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
})(window.minimascope);
