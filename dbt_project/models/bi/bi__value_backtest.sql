{{ published_rows(source('segments', 'value_backtest')) }}
