/* Draws the figures of a report from the data in the page, and makes its tables sortable. */
(() => {
  const figures = JSON.parse(document.getElementById('figures').textContent);
  const HEIGHT = 260;

  const format = (value) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return '–';
    if (value === 0) return '0';
    const size = Math.abs(value);
    if (size >= 1e12 || size < 1e-6) return value.toExponential(2);
    const digits = size >= 1000 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(size)));
    const [whole, fraction] = value.toFixed(digits).split('.');
    const spaced = whole.replace(/\B(?=(\d{3})+$)/g, '\u202F');
    const kept = (fraction || '').replace(/0+$/, '');
    return kept === '' ? spaced : spaced + '.' + kept;
  };

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const withUnit = (name, unit) => (unit === '' ? name : `${name}, ${unit}`);

  const draw = (host) => {
    const figure = figures[Number(host.dataset.figure)];
    const { series, x, xLabels } = figure;
    const data = [x];
    const lines = [
      {
        label: withUnit(figure.xName, figure.xUnit),
        // Without a pointer on the plot there is nothing to tell.
        value: (_plot, value) =>
          value === null || value === undefined ? '' : xLabels ? xLabels[value] : format(value),
      },
    ];
    const bands = [];
    series.forEach(({ name, values, low, high }, i) => {
      const color = css(`--c${i % 4}`);
      const shape = figure.kind === 'steps' ? { paths: uPlot.paths.stepped({ align: 1 }) } : {};
      lines.push({
        label: name,
        stroke: color,
        width: 2,
        points: { show: x.length < 30 && figure.kind === 'line', size: 6, fill: color },
        ...shape,
        value: (_plot, value, _series, row) =>
          row === null || row === undefined
            ? ''
            : low && low[row] !== null
              ? `${format(value)} (${format(low[row])} to ${format(high[row])})`
              : format(value),
      });
      data.push(values);
      if (!low) return;
      const upper = data.length;
      const hidden = { stroke: 'transparent', width: 0, points: { show: false } };
      lines.push(
        { ...hidden, label: `${name} high`, class: 'band' },
        { ...hidden, label: `${name} low`, class: 'band' },
      );
      data.push(high, low);
      bands.push({ series: [upper, upper + 1], fill: color + (series.length > 2 ? '16' : '26') });
    });
    const axis = {
      stroke: css('--quiet'),
      grid: { stroke: css('--grid'), width: 1 },
      ticks: { stroke: css('--line'), width: 1 },
    };
    const plot = new uPlot(
      {
        width: host.clientWidth,
        height: HEIGHT,
        padding: [8, 12, 0, 0],
        scales: {
          x: figure.isLogX
            ? // Not to the next power of ten: most of the plot would be empty.
              {
                time: false,
                distr: 3,
                log: 10,
                range: (_plot, min, max) => [min / 1.15, max * 1.15],
              }
            : { time: false },
          // A share or an amount of several runs starts at 0; a curve shows the range it has.
          y: { range: (_plot, min, max) => rangeOf(figure, min, max) },
        },
        axes: [
          {
            ...axis,
            label: withUnit(figure.xName, figure.xUnit),
            labelSize: 20,
            // What is counted has no halves.
            ...(x.every(Number.isInteger)
              ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }
              : {}),
            values: (_plot, splits) =>
              splits.map((v) => (v === null ? '' : xLabels ? (xLabels[v] ?? '') : format(v))),
          },
          {
            ...axis,
            label: withUnit(figure.yName, figure.yUnit),
            labelSize: 22,
            size: widthOf,
            values: (_plot, splits) => splits.map(format),
          },
        ],
        series: lines,
        bands,
        cursor: { drag: { x: false, y: false } },
      },
      data,
      host,
    );
    // The ends of a band are told with the line; rows of their own would say it twice.
    host.querySelectorAll('.u-legend .u-series').forEach((row) => {
      if (row.classList.contains('band')) row.style.display = 'none';
    });
    return plot;
  };

  /* Room for the longest number of an axis. */
  const widthOf = (_plot, values) =>
    16 + 7 * Math.max(4, ...(values || []).map((text) => text.length));

  const rangeOf = ({ kind }, min, max) => {
    if (min === null || max === null) return [0, 1];
    if (kind === 'steps') return [0, max * 1.05 || 1];
    const room = (max - min) * 0.06 || Math.abs(max) * 0.05 || 1;
    return [min >= 0 && min < 0.3 * max ? 0 : min - room, max + room];
  };

  let plots = [];
  const drawAll = () => {
    plots.forEach((plot) => plot.destroy());
    plots = [...document.querySelectorAll('.plot')].map(draw);
  };
  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  let width = innerWidth;
  addEventListener('resize', () => {
    if (innerWidth === width) return;
    width = innerWidth;
    plots.forEach((plot) =>
      plot.setSize({ width: plot.root.parentElement.clientWidth, height: HEIGHT }),
    );
  });

  document.querySelectorAll('table.sortable').forEach((table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const isDown = head.getAttribute('aria-sort') === 'descending';
        heads.forEach((each) => each.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', isDown ? 'ascending' : 'descending');
        const key = (row) => {
          const cell = row.cells[column];
          return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
        };
        const rows = [...table.tBodies[0].rows].toSorted((a, b) => {
          const [p, q] = [key(a), key(b)];
          const order =
            typeof p === 'number' ? p - q : p.localeCompare(q, undefined, { numeric: true });
          return isDown ? order : -order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  });
})();
